//! How many bytes of batches fill one request.

/// Upper bound on the batches of one delivery, in bytes: half of a queue's default bound, in which they count until they are sent.
const MAX: usize = 32 << 20;
/// Lower bound, unless a request is smaller: so many spans tell how much a span needs.
const MIN: usize = 1 << 20;
/// A request is filled to this share of its limit: what comes next may need a little more.
const FILL: f64 = 0.95;

/// How many bytes of batches fill one request, from what the latest ones needed: small spans need more bytes in OTLP than in a
/// batch, long texts fewer. A delivery that takes one full request and a small one takes twice the time of a slow backend.
#[derive(Debug)]
pub(super) struct Size {
    /// Of a request.
    max_bytes: usize,
    /// Bytes of OTLP for a byte of a batch.
    ratio: f64,
}

impl Size {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, ratio: 1.0 }
    }

    /// Bytes of batches for the next delivery.
    pub(super) fn of_delivery(&self) -> usize {
        let filled = self.max_bytes as f64 * FILL / self.ratio;
        (filled as usize).clamp(MIN.min(self.max_bytes), MAX)
    }

    /// Notes what a delivery needed.
    pub(super) fn note(&mut self, batch_bytes: usize, encoded_bytes: usize) {
        // A small one says little.
        if batch_bytes >= MIN / 4 && encoded_bytes > 0 {
            self.ratio = encoded_bytes as f64 / batch_bytes as f64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_fills_one_request_whatever_its_spans_need() {
        for (ratio, expected) in [(0.62, 32.0), (0.95, 20.0), (1.0, 19.0), (1.9, 10.0), (100.0, 1.0), (0.01, 32.0)] {
            let mut size = Size::new(20 << 20);
            size.note(10 << 20, (f64::from(10 << 20) * ratio) as usize);
            size.note(100, 5000);
            let mib = size.of_delivery() as f64 / f64::from(1 << 20);
            assert!((mib - expected).abs() < 1.5, "{ratio}: {mib}");
            assert!(size.of_delivery() as f64 * ratio <= f64::from(20 << 20) || mib <= 1.0, "{ratio}");
        }
        assert_eq!(Size::new(4096).of_delivery(), 4096);
        assert_eq!(Size::new(usize::MAX).of_delivery(), MAX);
        assert!(Size::new(1).of_delivery() > 0);
    }
}
