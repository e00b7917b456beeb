//! A job returns nothing, a result, or never.

use heirloom::prelude::*;
use std::time::Duration;

fn main() {
    heirloom::in_root("request", |root| {
        let unit = root.background(String::from("unit")).on_thread(|_span| ());
        let name = format!("{} {}", "borrowed", 1);
        let result = root.background(&name).on_thread(|_span| "7".parse::<u8>());
        let never = root.background("never").on(drop, |_span| -> () { panic!("it doesn't run") });
        unit.wait(Duration::from_secs(10)).unwrap();
        assert_eq!(result.wait(Duration::from_secs(10)).unwrap(), Ok(7));
        assert!(never.wait(Duration::from_secs(10)).is_err());
    });
}
