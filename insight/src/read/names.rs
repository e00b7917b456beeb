//! [`Names`]: each text once.

use std::collections::HashMap;
use std::sync::Arc;

/// Texts with numbers from 0 on.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    texts: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
    /// The text that was asked for last: many spans in a row have one name.
    last: u32,
}

impl Names {
    pub(super) fn number(&mut self, text: &str) -> u32 {
        if self.texts.get(self.last as usize).is_some_and(|last| **last == *text) {
            return self.last;
        }
        self.last = match self.numbers.get(text) {
            Some(number) => *number,
            None => self.add(text.into()),
        };
        self.last
    }

    fn add(&mut self, text: Arc<str>) -> u32 {
        let number = self.texts.len() as u32;
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        number
    }

    pub(super) fn text(&self, number: u32) -> &Arc<str> {
        &self.texts[number as usize]
    }

    pub(super) fn into_texts(self) -> Vec<Arc<str>> {
        self.texts
    }

    /// The numbers of another table's texts here.
    pub(super) fn absorb(&mut self, other: &Names) -> Vec<u32> {
        other.texts.iter().map(|text| self.number(text)).collect()
    }
}
