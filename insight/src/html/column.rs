//! One column while it is written: numbers and differences as [`columns`](super::columns) defines them.

/// A column that is being written.
#[derive(Default)]
pub(super) struct Column {
    pub(super) bytes: Vec<u8>,
    last: u64,
}

impl Column {
    /// The value before the first difference.
    pub(super) fn start(&mut self, value: u64) {
        self.last = value;
    }

    pub(super) fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    pub(super) fn difference(&mut self, value: u64) {
        let difference = value.wrapping_sub(self.last) as i64;
        self.last = value;
        self.number(((difference << 1) ^ (difference >> 63)) as u64);
    }

    pub(super) fn id(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.wrapping_sub(self.last).to_le_bytes());
        self.last = value;
    }

    pub(super) fn byte(&mut self, value: u8) {
        self.bytes.push(value);
    }
}

/// Gaps and lengths of bars.
#[derive(Default)]
pub(super) struct Times {
    pub(super) gap: Column,
    pub(super) len: Column,
}

impl Times {
    pub(super) fn row(&mut self, base: u64) {
        self.gap.last = base;
    }

    pub(super) fn bar(&mut self, start: u64, end: u64) {
        self.gap.difference(start);
        self.len.number(end.saturating_sub(start));
        self.gap.last = end.max(start);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Reads numbers from a column.
    pub(in crate::html) fn numbers(bytes: &[u8]) -> Vec<u64> {
        let mut numbers = vec![0];
        let mut shift = 0;
        for byte in bytes {
            *numbers.last_mut().unwrap() |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if *byte < 0x80 {
                numbers.push(0);
                shift = 0;
            }
        }
        numbers.pop();
        numbers
    }

    fn differences(bytes: &[u8]) -> Vec<u64> {
        let mut last = 0u64;
        let zigzag = numbers(bytes).into_iter().map(|value| (value >> 1) as i64 ^ -((value & 1) as i64));
        zigzag
            .map(|difference| {
                last = last.wrapping_add(difference as u64);
                last
            })
            .collect()
    }

    #[test]
    fn every_number_is_read_back() {
        let values = [0, 1, 127, 128, 300, u64::from(u32::MAX), 1 << 53, u64::MAX, 5, 0, u64::MAX / 2];
        let (mut number, mut difference) = (Column::default(), Column::default());
        values.iter().for_each(|value| number.number(*value));
        values.iter().for_each(|value| difference.difference(*value));
        assert_eq!(numbers(&number.bytes), values);
        assert_eq!(differences(&difference.bytes), values);
    }
}
