//! Nothing would poll what the closure returns.

use heirloom::prelude::*;

async fn reindex() {}

fn main() {
    heirloom::in_root("request", |root| {
        root.background("async block").on_thread(|_span| async { reindex().await });
        root.background("call").on(|job| job(), |_span| reindex());
        root.background("value").on_thread(|_span| 3);
    });
}
