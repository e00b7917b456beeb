//! Data in a page: gzip, then base64, in an element that isn't executed. With the feature `files` it is compressed.

use base64::engine::general_purpose::{GeneralPurpose, STANDARD};
use base64::write::EncoderWriter;
use std::io::{self, BufWriter, Write};

type Text<'a, W> = EncoderWriter<'static, GeneralPurpose, &'a mut W>;

#[cfg(feature = "files")]
type Gzip<W> = flate2::write::GzEncoder<W>;
#[cfg(not(feature = "files"))]
type Gzip<W> = super::stored::Stored<W>;

#[cfg(feature = "files")]
fn gzip<W: Write>(out: W) -> io::Result<Gzip<W>> {
    Ok(Gzip::new(out, flate2::Compression::default()))
}
#[cfg(not(feature = "files"))]
fn gzip<W: Write>(out: W) -> io::Result<Gzip<W>> {
    Gzip::new(out)
}

/// Writes an element whose content is what `fill` writes. Nothing is kept in memory but the buffers of the encoders.
pub(super) fn element<W: Write>(
    id: &'static str,
    out: &mut W,
    fill: impl FnOnce(&mut BufWriter<Gzip<Text<'_, W>>>) -> io::Result<()>,
) -> io::Result<()> {
    write!(out, "<script id=\"{id}\" type=\"application/octet-stream\">")?;
    let text = EncoderWriter::new(&mut *out, &STANDARD);
    let mut data = BufWriter::new(gzip(text)?);
    fill(&mut data)?;
    data.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?.finish()?;
    out.write_all(b"</script>\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use std::io::Read;

    #[test]
    fn what_was_written_is_read_back() {
        let mut page = Vec::new();
        element("x", &mut page, |to| to.write_all(b"</script>\xff\0")).unwrap();
        let page = String::from_utf8(page).unwrap();
        let text = page.strip_prefix("<script id=\"x\" type=\"application/octet-stream\">").unwrap();
        let text = text.strip_suffix("</script>\n").unwrap();
        let mut data = Vec::new();
        flate2::read::GzDecoder::new(&STANDARD.decode(text).unwrap()[..]).read_to_end(&mut data).unwrap();
        assert_eq!(data, b"</script>\xff\0");
    }

    /// A disk that is full is an error of `write`, wherever in the element it happens.
    #[test]
    fn errors_are_returned() {
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                if self.0 < bytes.len() {
                    return Err(io::ErrorKind::StorageFull.into());
                }
                self.0 -= bytes.len();
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut page = Vec::new();
        element("x", &mut page, |to| to.write_all(&[7; 100])).unwrap();
        for room in 0..page.len() {
            let error = element("x", &mut Full(room), |to| to.write_all(&[7; 100])).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{room}");
        }
        element("x", &mut Full(page.len()), |to| to.write_all(&[7; 100])).unwrap();
    }
}
