//! The first update of a process by a context: from then on owners' writes carry a clock reading. Each in a process of its
//! own, so that it is the first.
#![cfg(all(feature = "record", not(loom)))]
#![allow(clippy::unwrap_used)]

use heirloom_core::{in_root, testing, Context, Span, Status, Update};
use heirloom_harness::{again, case, output_of, succeeded};
use std::thread;

/// Sets it by context on another thread, then on the owner's.
fn set_twice(owner: &Span, other: fn(Update), own: fn(&Span)) {
    let cx: Context = owner.context();
    // The other thread's shard has seen nothing but this.
    thread::scope(|threads| _ = threads.spawn(move || other(cx.update())));
    own(owner);
}

fn the_owners_later_value_wins(what: &str) {
    testing::run(|t| {
        in_root("span", |owner| match what {
            "attribute" => set_twice(owner, |other| _ = other.set("key", "other"), |own| _ = own.set("key", "own")),
            "status" => set_twice(owner, |other| _ = other.error("other"), |own| _ = own.error("own")),
            "name" => set_twice(owner, |other| _ = other.rename("other"), |own| _ = own.rename("own")),
            _ => {
                owner.set("key", "own");
                set_twice(owner, |other| _ = other.event("event"), |own| _ = own.set("key", "own"));
            }
        });
        let span = t.spans().remove(0);
        match what {
            "status" => assert_eq!(span.status, Status::Error("own".to_owned())),
            "name" => assert_eq!(span.name, "own"),
            _ => assert_eq!(span.attributes[0].1.to_string(), "own"),
        }
    });
}

#[test]
fn of_a_first_update_and_what_its_owner_sets_later_the_owners_wins() {
    if let Some(what) = case() {
        return the_owners_later_value_wins(&what);
    }
    for what in ["attribute", "status", "name", "event"] {
        let own_name = "of_a_first_update_and_what_its_owner_sets_later_the_owners_wins";
        succeeded(&output_of(&mut again(own_name, what)));
    }
}
