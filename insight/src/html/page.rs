//! The page around the data.

use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use std::io::{self, Write};

/// The script: `insight/web/src`, bundled by esbuild. `ci/report.sh` compares it with its source.
const SCRIPT: &str = include_str!("report.js");
/// The style sheet, bundled likewise.
const STYLE: &str = include_str!("report.css");

/// Writes everything up to the data.
pub(super) fn head(title: &str, out: &mut impl Write) -> io::Result<()> {
    let (script, style) = (source(SCRIPT), source(STYLE));
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src {script}; style-src {style}; \
         img-src data:; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <link rel=\"icon\" href=\"data:,\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
    )
}

/// Writes texts for browsers without scripts.
pub(super) fn without_script<'t>(
    title: &str,
    texts: impl Iterator<Item = &'t String>,
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out, "<noscript>\n<h1>{title}</h1>")?;
    for text in texts {
        writeln!(out, "<p>{}</p>", Escaped(text))?;
    }
    out.write_all(b"<p>The timeline and the tables need JavaScript.</p>\n</noscript>\n")
}

/// Writes everything behind the data. The script comes last, so that the data is there when it runs.
pub(super) fn foot(out: &mut impl Write) -> io::Result<()> {
    write!(out, "<script>{SCRIPT}</script>\n</body>\n</html>\n")
}

/// A text's source expression in a Content-Security-Policy: <https://www.w3.org/TR/CSP3/#grammardef-hash-source>.
fn source(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(hmac_sha256::Hash::hash(text.as_bytes())))
}

/// A text in which no character begins an element or an entity.
struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use std::fmt::Write as _;
        for c in self.0.chars() {
            match c {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                _ => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The policy's hash is of the text between the tags, which the parser takes as it is only under these conditions.
    #[test]
    fn script_and_style_can_stand_in_a_page() {
        for text in [SCRIPT, STYLE] {
            assert!(!text.contains("</script") && !text.contains("</style") && !text.contains("<!--"));
            assert!(!text.contains('\r') && !text.contains('\0'));
        }
        assert!(SCRIPT.len() + STYLE.len() <= 300 * 1000, "the bundle has {} bytes", SCRIPT.len() + STYLE.len());
    }

    #[test]
    fn policy_allows_nothing_but_the_page() {
        let mut page = Vec::new();
        head("Heirloom report", &mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
        let policy = page.split("Content-Security-Policy\" content=\"").nth(1).unwrap().split('"').next().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http") && !policy.contains('*'), "{policy}");
    }

    #[test]
    fn names_are_text_without_scripts_too() {
        let hostile = "</noscript><img src=x onerror=alert(1)> & more";
        let mut page = Vec::new();
        without_script("Heirloom report", [hostile.to_owned(), hostile.to_owned()].iter(), &mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
        assert_eq!(page.matches("&lt;/noscript&gt;&lt;img src=x onerror=alert(1)&gt; &amp; more").count(), 2);
        assert!(!page.contains("<img"));
    }
}
