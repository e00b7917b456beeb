//! `traced` applies to the next step: it needs a step with a name and a closure before rayon's own methods.

use heirloom::prelude::*;
use rayon::prelude::*;

fn main() {
    let root = heirloom::root("root");
    let _: Vec<i32> = vec![1, 2].into_par_iter().traced(&root).collect();
}
