//! `traced` is about the next step: it wants a name and a closure before rayon goes on.

use heirloom::prelude::*;
use rayon::prelude::*;

fn main() {
    let root = heirloom::root("root");
    let _: Vec<i32> = vec![1, 2].into_par_iter().traced(&root).collect();
}
