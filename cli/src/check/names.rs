//! [`Names`]: texts as numbers, so that a span is a row of fixed size.

use std::collections::HashMap;
use std::sync::Arc;

/// How many names are kept. With more, which programs with an id in each name have, the others are shown as one.
const MAX_NAMES: usize = 1 << 20;
/// The number of a name that wasn't kept.
const OTHER: u32 = u32::MAX;

/// Names by number, and numbers by name.
#[derive(Debug, Default)]
pub(crate) struct Names {
    numbers: HashMap<Arc<str>, u32>,
    names: Vec<Arc<str>>,
}

impl Names {
    pub(crate) fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        if self.names.len() >= MAX_NAMES {
            return OTHER;
        }
        let (name, number): (Arc<str>, _) = (name.into(), self.names.len() as u32);
        self.names.push(Arc::clone(&name));
        self.numbers.insert(name, number);
        number
    }

    pub(crate) fn name(&self, number: u32) -> &str {
        self.names.get(number as usize).map_or("(one of many names)", |name| &**name)
    }
}
