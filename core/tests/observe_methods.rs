//! `#[observe]` on asynchronous methods: of traits, with and without `async_trait`, and of types.
#![allow(clippy::unwrap_used)]
#![cfg(all(feature = "macros", feature = "record", not(loom)))]

#[path = "support/observed.rs"]
mod observed;

use async_trait::async_trait;
use heirloom_core::observe;
use heirloom_core::testing::run;
use observed::{again, assert_failed, attribute, block_on};
use std::future::Future;
use std::num::ParseIntError;

#[async_trait]
trait Model: Sync {
    async fn answer(&self, question: &str) -> Result<String, String>;

    #[observe]
    async fn provided(&self, question: String) -> Result<String, String> {
        again().await;
        self.answer(&question).await
    }
}

struct Echo(u32);

#[async_trait]
impl Model for Echo {
    #[observe(name = "ask", fields(id = self.0, length = question.len()), err)]
    async fn answer(&self, question: &str) -> Result<String, String> {
        again().await;
        if question.is_empty() {
            return Err("nothing was asked".to_owned());
        }
        check(question).await?;
        Ok(format!("{question}!"))
    }
}

#[observe]
async fn check(question: &str) -> Result<(), String> {
    again().await;
    question.is_ascii().then_some(()).ok_or_else(|| "not ascii".to_owned())
}

#[test]
fn methods_of_async_traits_are_observed_as_async_fns() {
    run(|t| {
        let model: Box<dyn Model> = Box::new(Echo(9));
        assert_eq!(block_on(model.provided("why".to_owned())).unwrap(), "why!");
        t.assert_tree("provided\n  ask\n    check");
        assert_eq!(attribute(t, "ask", "id").as_deref(), Some("9"));
        assert_eq!(attribute(t, "ask", "length").as_deref(), Some("3"));
        drop(model.answer("never polled"));
        assert_eq!(t.spans().len(), 3);
    });
}

#[test]
fn an_err_of_an_async_trait_is_seen() {
    run(|t| {
        assert!(block_on(Echo(1).provided(String::new())).is_err());
        assert_failed(t, "ask", "alloc::string::String", "nothing was asked");
        assert_failed(t, "provided", "alloc::string::String", "");
    });
}

trait Native {
    async fn ask(&self) -> Result<u32, ParseIntError>;
    fn tell(&self) -> impl Future<Output = Result<u32, ParseIntError>> + Send;
}

impl Native for Echo {
    #[observe]
    async fn ask(&self) -> Result<u32, ParseIntError> {
        again().await;
        let one: u32 = "1".parse()?;
        Ok(one + self.0)
    }

    #[observe]
    async fn tell(&self) -> Result<u32, ParseIntError> {
        self.ask().await
    }
}

#[test]
fn methods_of_native_async_traits_are_observed() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    run(|t| {
        assert_eq!(block_on(is_send(Echo(1).tell())), Ok(2));
        t.assert_tree("tell\n  ask");
    });
}

#[derive(Default)]
struct Counter {
    count: u32,
}

#[allow(unsafe_code)]
impl Counter {
    #[observe]
    async fn add(&mut self, n: u32) -> &mut u32 {
        again().await;
        self.count += n;
        &mut self.count
    }

    #[observe]
    async fn generic<'a, T: AsRef<str> + ?Sized, const N: usize>(
        &'a self,
        texts: [&'a T; N],
        with: impl Fn(&str) -> bool,
    ) -> Result<Option<&'a str>, ParseIntError> {
        again().await;
        let found = texts.into_iter().map(AsRef::as_ref).find(|text| with(text));
        let _: u32 = "1".parse()?;
        Ok(found)
    }

    #[observe]
    async fn fallible_iterator(self: &std::sync::Arc<Self>) -> Result<impl Iterator<Item = u32>, ParseIntError> {
        again().await;
        let from: u32 = "1".parse()?;
        Ok(from..self.count)
    }

    #[observe]
    async fn never(&self) -> ! {
        loop {
            again().await;
        }
    }

    #[observe]
    async fn into_iterator(self) -> impl Iterator<Item = u32> {
        again().await;
        0..self.count
    }

    #[observe]
    async unsafe fn unsafe_one(&self, at: *const u32) -> u32 {
        // SAFETY: the caller says so.
        unsafe { *at }
    }
}

#[test]
#[allow(unsafe_code)]
fn signatures_of_every_form_compile_and_run() {
    run(|t| {
        block_on(async {
            let mut counter = Counter::default();
            *counter.add(2).await += 1;
            assert_eq!(counter.generic(["a", "bc"], |text| text.len() == 2).await, Ok(Some("bc")));
            // SAFETY: the pointer is of a reference.
            assert_eq!(unsafe { counter.unsafe_one(&7).await }, 7);
            let counter = std::sync::Arc::new(counter);
            assert_eq!(counter.fallible_iterator().await.unwrap().count(), 2);
            tokio::select! { biased; never = counter.never() => never, () = again() => {} }
            let counter = std::sync::Arc::into_inner(counter).unwrap();
            assert_eq!(counter.into_iterator().await.count(), 3);
        });
        t.assert_tree("add\ngeneric\nunsafe_one\nfallible_iterator\nnever\ninto_iterator");
    });
}
