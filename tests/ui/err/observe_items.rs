//! Items that can't be observed.
use heirloom::observe;

#[observe]
struct Struct;

#[observe]
enum Enum {}

#[observe]
impl Struct {
    fn method(&self) {}
}

#[observe]
trait Trait {
    #[observe]
    fn required(&self);
}

#[observe]
mod module {}

#[observe]
const CONSTANT: u8 = 1;

#[observe]
const fn constant() -> u8 {
    2
}

#[observe]
extern "C" fn foreign() {}

fn main() {
    foreign();
    let _ = (constant(), CONSTANT, Struct.method());
}
