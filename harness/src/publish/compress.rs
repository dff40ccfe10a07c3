//! Output files that are compressed because the user's name for them ends in `.gz`.

use flate2::{Compression, GzBuilder};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;

/// Writes `from` to `to` as gzip. The header holds neither name nor time, so that equal text gives equal bytes.
///
/// # Errors
/// A file can't be read or written.
pub(super) fn gzip(from: &Path, to: &Path) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(1 << 16, File::open(from)?);
    let mut writer = GzBuilder::new().write(BufWriter::new(File::create(to)?), Compression::default());
    io::copy(&mut reader, &mut writer)?;
    writer.finish()?.into_inner()?.flush()
}
