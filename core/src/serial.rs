//! serde for contexts and ids (feature `serde`).
//!
//! Readable formats (JSON) get texts: ids in hexadecimal, a context as its W3C `traceparent`, an invalid one as null. Binary
//! formats (postcard, bincode) get bytes: 16, 8, and for a context both ids and its flags. The tracer and the index of the
//! tracestate and the baggage are left out, because they mean nothing in another process. So a decoded context is remote, and the
//! first tracer that uses it binds it.

use crate::{Context, SpanId, TraceId};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

macro_rules! id {
    ($id:ty, $bytes:ty) => {
        impl Serialize for $id {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                if to.is_human_readable() {
                    to.collect_str(self)
                } else {
                    self.to_bytes().serialize(to)
                }
            }
        }

        impl<'de> Deserialize<'de> for $id {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                if from.is_human_readable() {
                    Cow::<str>::deserialize(from)?.parse().map_err(D::Error::custom)
                } else {
                    <$bytes>::deserialize(from).map(Self::from_bytes)
                }
            }
        }
    };
}

id!(TraceId, [u8; 16]);
id!(SpanId, [u8; 8]);

impl Serialize for Context {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() {
            self.traceparent().as_ref().map(|text| text.as_str()).serialize(to)
        } else {
            let sent = self.to_remote();
            (sent.trace_id(), sent.span_id(), sent.trace_flags()).serialize(to)
        }
    }
}

impl<'de> Deserialize<'de> for Context {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if from.is_human_readable() {
            let text = Option::<Cow<str>>::deserialize(from)?;
            text.map_or(Ok(Context::INERT), |text| Context::from_traceparent(&text)).map_err(D::Error::custom)
        } else {
            let (trace, span, flags) = Deserialize::deserialize(from)?;
            Ok(Context::remote(trace, span, flags))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn context() -> Context {
        Context::from_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03").unwrap()
    }

    #[test]
    fn a_context_is_its_traceparent_in_json() {
        let json = serde_json::to_string(&context()).unwrap();
        assert_eq!(json, r#""00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03""#);
        assert_eq!(serde_json::from_str::<Context>(&json).unwrap(), context());
        assert_eq!(serde_json::to_string(&Context::INERT).unwrap(), "null");
        assert_eq!(serde_json::from_str::<Context>("null").unwrap(), Context::INERT);
    }

    #[test]
    fn a_context_is_twenty_five_bytes_in_a_binary_format() {
        let bytes = postcard::to_allocvec(&context()).unwrap();
        assert_eq!(bytes.len(), 25);
        assert_eq!(postcard::from_bytes::<Context>(&bytes).unwrap(), context());
        let inert = postcard::to_allocvec(&Context::INERT).unwrap();
        assert_eq!(postcard::from_bytes::<Context>(&inert).unwrap(), Context::INERT);
    }

    #[test]
    fn a_decoded_context_is_remote_and_bound_to_no_tracer() {
        let bytes = postcard::to_allocvec(&context()).unwrap();
        let decoded: Context = postcard::from_bytes(&bytes).unwrap();
        assert!(decoded.is_remote() && decoded.is_random() && decoded.tracer_id().is_none());
    }

    #[test]
    fn nonsense_is_refused_with_what_was_expected() {
        let error = serde_json::from_str::<Context>("\"00-zz\"").unwrap_err().to_string();
        assert!(error.contains("traceparent"), "{error}");
        assert!(serde_json::from_str::<TraceId>("\"12\"").unwrap_err().to_string().contains("32"));
        assert!(postcard::from_bytes::<Context>(&[1, 2, 3]).is_err());
        // Unknown flags are cleared, and zero ids make the context invalid.
        assert_eq!(postcard::from_bytes::<Context>(&[0xff; 25]).unwrap().trace_flags(), 3);
    }
}
