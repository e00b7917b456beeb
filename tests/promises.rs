//! Each line of `docs/promises.md` names tests, and so do most lines of `docs/pools.md`. They exist.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;

/// The links of the page: test and file.
fn links(page: &str) -> Vec<(&str, &str)> {
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| promise"));
    let mut links = Vec::new();
    for row in rows {
        let (promise, tests) = row.trim_matches([' ', '|']).split_once(" | ").unwrap_or((row, ""));
        let before = links.len();
        for link in tests.split(", ") {
            let Some((test, file)) = link.strip_prefix('[').and_then(|link| link.split_once("](../")) else {
                panic!("{link:?} is not a link to a test, in the line {promise:?}");
            };
            links.push((test, file.trim_end_matches(')')));
        }
        assert!(links.len() > before, "no test holds {promise:?}");
    }
    links
}

#[test]
fn every_promise_has_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/promises.md")).unwrap();
    let links = links(&page);
    assert!(links.len() > 40, "only {} links", links.len());
    let missing = links.iter().filter(|(test, file)| {
        let source = std::fs::read_to_string(root.join(file)).unwrap_or_default();
        !source.contains(&format!("fn {test}()")) && !source.contains(&format!("fn {test}(\n"))
    });
    let missing: Vec<_> = missing.collect();
    assert!(missing.is_empty(), "tests that don't exist: {missing:#?}");
}

/// The adapters that a page names as tests of the contract: `contract::NAME`. The page calls any of them `x`.
fn contracts(page: &str) -> Vec<&str> {
    let names = page.split("`contract::").skip(1);
    names.filter_map(|rest| rest.split_once('`')).map(|(name, _)| name).filter(|name| *name != "x").collect()
}

#[test]
fn every_form_of_the_page_on_pools_has_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file| std::fs::read_to_string(root.join(file)).unwrap();
    let (page, tests) = (read("docs/pools.md"), read("pool/tests/contract.rs"));
    let contracts = contracts(&page);
    assert!(contracts.len() > 30, "only {} names", contracts.len());
    let missing: Vec<_> = contracts.iter().filter(|name| !tests.contains(&format!("    {name}: "))).collect();
    assert!(missing.is_empty(), "tests that don't exist: {missing:?}");
}

#[test]
#[should_panic(expected = "is not a link to a test")]
fn a_promise_without_a_test_is_an_error() {
    links("| promise | tests |\n|---|---|\n| It never fails | by design |\n");
}
