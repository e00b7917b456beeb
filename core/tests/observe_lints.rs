//! `#[observe]` brings no warning into code that has none: this file is strict, and the checks lint it.
//!
//! That it compiles is most of the test; clippy's part is done where all targets are linted.
#![deny(warnings, unused, rust_2018_idioms, future_incompatible, let_underscore_drop)]
#![deny(clippy::all, clippy::pedantic)]
#![cfg(all(feature = "macros", feature = "record", not(loom)))]

use heirloom_core::observe;
use std::future::Future;
use std::pin::Pin;

/// Has documentation.
#[must_use]
#[observe]
#[inline]
pub fn documented(n: u32) -> u32 {
    n + 1
}

/// On one line.
#[rustfmt::skip]
#[observe] #[must_use] pub fn one_line(n: u32) -> u32 { n }
#[rustfmt::skip]
#[observe(err)] fn one_line_result(n: u32) -> Result<u32, String> { if n == 0 { Err(String::new()) } else { Ok(n) } }
#[rustfmt::skip]
#[observe] async fn one_line_async(n: u32) -> u32 { std::future::ready(n).await }
#[rustfmt::skip]
#[observe] fn one_line_unit() {}
#[rustfmt::skip]
#[observe(root, name = "one" )] fn one_call() { one_line_unit() }
#[rustfmt::skip]
#[observe] fn one_future(n: u32) -> impl Future<Output = u32> { let m = n; async move { m } }
#[rustfmt::skip]
#[observe] fn one_box(n: u32) -> Pin<Box<dyn Future<Output = u32> + Send>> { Box::pin(async move { n }) }

#[observe(name = "with items", kind = "client", fields(n, "a.b" = n + 1, sum = n + 2))]
fn items_first(n: u32) -> u32 {
    use std::ops::Add;
    const ONE: u32 = 1;
    n.add(ONE)
}

#[observe(fields(text))]
fn takes_by_value(text: String) -> Result<String, std::num::ParseIntError> {
    let number: i32 = text.parse()?;
    if number == 0 {
        return Ok(text);
    }
    let mut longer = text;
    longer.push('!');
    Ok(longer)
}

#[observe(fields(text))]
async fn async_by_value(mut text: String, (left, right): (u8, u8)) -> Result<String, std::num::ParseIntError> {
    let number: i32 = text.parse()?;
    if number == 0 {
        return Ok(text);
    }
    std::future::ready(()).await;
    text.push(char::from(left.max(right)));
    Ok(text)
}

#[observe]
async fn unit_async() {
    std::future::ready(()).await;
}

#[observe(err)]
async fn unit_result() -> Result<(), String> {
    std::future::ready(()).await;
    Ok(())
}

struct Holder {
    text: String,
}

impl Holder {
    #[observe]
    fn text(&self) -> &str {
        &self.text
    }

    #[observe(err)]
    fn edit(&mut self, more: &str) -> Result<&mut String, String> {
        if more.is_empty() {
            return Err("nothing to add".to_owned());
        }
        self.text.push_str(more);
        Ok(&mut self.text)
    }

    #[observe]
    async fn later(&self) -> Option<&str> {
        std::future::ready(()).await;
        Some(&self.text)
    }
}

#[async_trait::async_trait]
trait Service {
    async fn serve(&self, request: String) -> Result<String, String>;
}

#[async_trait::async_trait]
impl Service for Holder {
    #[observe(err, fields(length = request.len()))]
    async fn serve(&self, request: String) -> Result<String, String> {
        std::future::ready(()).await;
        Ok(request)
    }
}

#[test]
fn strict_code_stays_without_warnings() -> Result<(), Box<dyn std::error::Error>> {
    heirloom_core::testing::run(|t| {
        assert_eq!((documented(1), one_line(1), items_first(1)), (2, 1, 2));
        one_call();
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let mut holder = Holder { text: takes_by_value("1".to_owned())? };
        assert_eq!((holder.edit("?")?.as_str(), one_line_result(1)?), ("1!?", 1));
        assert_eq!(holder.text(), "1!?");
        runtime.block_on(async {
            unit_async().await;
            unit_result().await?;
            let sum = one_line_async(1).await + one_future(2).await + one_box(3).await;
            assert_eq!((sum, holder.later().await), (6, Some("1!?")));
            assert_eq!(holder.serve("please".to_owned()).await?, "please");
            assert_eq!(async_by_value("1".to_owned(), (b'a', b'b')).await?, "1b");
            Ok::<_, Box<dyn std::error::Error>>(())
        })?;
        t.assert_complete();
        Ok(())
    })
}
