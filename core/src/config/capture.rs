//! [`Capture`]: whether values are captured, how long they may be, which are hidden, and a mask.

use super::deny::DenyList;
use std::fmt;
#[cfg(feature = "capture")]
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;

/// Rules for captured values: inputs, outputs and metadata that are recorded as JSON.
///
/// | setting | default | in the environment |
/// |---|---|---|
/// | [`enabled`](Self::enabled) | yes | `HEIRLOOM_CAPTURE` |
/// | [`max_bytes`](Self::max_bytes) | 64 KiB | `HEIRLOOM_CAPTURE_MAX_BYTES` |
/// | [`deny`](Self::deny) | keys that end with one of [`DEFAULT_DENIED`](Self::DEFAULT_DENIED) | |
/// | [`mask`](Self::mask) | none | |
///
/// Capture is never implicit: only values that the code names are captured. Clones are cheap.
///
/// ```
/// use heirloom_core::{builder, Capture};
/// let capture = Capture::default()
///     .max_bytes(4 << 10)
///     .deny("iban")
///     .mask(|_key, json| *json = json.replace("4111111111111111", "(a card)"));
/// let guard = builder("shop").capture(capture).start()?;
/// # drop(guard);
/// # Ok::<(), heirloom_core::InitError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Capture(Arc<Rules>);

#[derive(Clone, Debug, PartialEq)]
struct Rules {
    enabled: bool,
    max_bytes: usize,
    deny: DenyList,
    mask: Option<Mask>,
}

#[derive(Clone)]
struct Mask(Arc<MaskFn>);

type MaskFn = dyn Fn(&str, &mut String) + Send + Sync;

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a function")
    }
}

impl PartialEq for Mask {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self { enabled: true, max_bytes: Capture::DEFAULT_MAX_BYTES, deny: DenyList::default(), mask: None }
    }
}

/// Recorded instead of a value whose mask panicked.
#[cfg(feature = "capture")]
const MASK_PANICKED: &str = "\"<not captured: the mask panicked>\"";
/// Recorded instead of a value that is longer than the limit after the mask.
#[cfg(feature = "capture")]
const MASK_TOO_LONG: &str = "\"<not captured: longer than the limit after the mask>\"";

impl Capture {
    /// The default of [`max_bytes`](Self::max_bytes), in bytes.
    pub const DEFAULT_MAX_BYTES: usize = 64 << 10;
    /// The smallest [`max_bytes`](Self::max_bytes): room for the texts that replace a value.
    pub const MIN_MAX_BYTES: usize = 64;
    /// A key that ends with one of these is denied. Case and separators don't matter: `X-Api-Key`, `apiKey` and
    /// `client_secret` are denied, `max_tokens` is not.
    pub const DEFAULT_DENIED: &'static [&'static str] = super::deny::DEFAULT;

    /// Sets whether values are captured. If not, a capture only tests this switch; its cost doesn't depend on the value's
    /// size.
    pub fn enabled(mut self, enabled: bool) -> Self {
        Arc::make_mut(&mut self.0).enabled = enabled;
        self
    }

    /// The longest JSON of one value, in bytes. A longer value is cut and stays valid JSON, and its size is recorded. At
    /// least 64. The tracer's limit for any attribute applies too ([`Limits`](crate::Limits)).
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        Arc::make_mut(&mut self.0).max_bytes = bytes.max(Self::MIN_MAX_BYTES);
        self
    }

    /// Also denies keys with this ending: the value of such a key is replaced by `"<redacted>"`.
    pub fn deny(mut self, key: &str) -> Self {
        Arc::make_mut(&mut self.0).deny.add(key);
        self
    }

    /// Denies no key, not even those with the default endings.
    pub fn deny_nothing(mut self) -> Self {
        Arc::make_mut(&mut self.0).deny = DenyList::empty();
        self
    }

    /// Passes every captured value to `mask` before it is recorded. `mask` gets the attribute's key and the JSON, cut to
    /// the limit, and may change the JSON. It runs on the thread that captures. If it panics, a fixed text replaces the
    /// value.
    pub fn mask(mut self, mask: impl Fn(&str, &mut String) + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.0).mask = Some(Mask(Arc::new(mask)));
        self
    }

    #[cfg(feature = "capture")]
    pub(crate) fn is_enabled(&self) -> bool {
        self.0.enabled
    }

    #[cfg(feature = "capture")]
    pub(crate) fn limit(&self) -> usize {
        self.0.max_bytes
    }

    #[cfg(feature = "capture")]
    pub(crate) fn denied(&self) -> &DenyList {
        &self.0.deny
    }

    #[cfg(feature = "capture")]
    pub(crate) fn denies(&self, key: &[u8]) -> bool {
        self.0.deny.has(key)
    }

    /// Applies the mask, if there is one, to a value. The result is at most `limit` bytes.
    #[cfg(feature = "capture")]
    pub(crate) fn masked(&self, key: &str, json: Vec<u8>, limit: usize) -> Vec<u8> {
        let Some(mask) = &self.0.mask else { return json };
        let Ok(mut text) = String::from_utf8(json) else { return MASK_PANICKED.into() };
        match catch_unwind(AssertUnwindSafe(|| (mask.0)(key, &mut text))) {
            Ok(()) if text.len() <= limit => text.into_bytes(),
            Ok(()) => MASK_TOO_LONG.into(),
            Err(_) => MASK_PANICKED.into(),
        }
    }
}
