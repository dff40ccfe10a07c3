//! CRAI (CRAM specification, section 12): one line of text a slice and contig, gzipped or plain.

use super::cursor::gunzip;

/// The part of a slice that lies on one contig.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slice {
    /// Number of the contig; `None` for records without one.
    pub(crate) reference: Option<usize>,
    /// 0-based start of its first record.
    pub(crate) start: i64,
    /// Behind the last base of any of its records.
    pub(crate) end: i64,
    /// Byte of the file at which its container begins.
    pub(crate) offset: u64,
    /// Its compressed bytes.
    pub(crate) bytes: u64,
}

pub(super) fn read(bytes: &[u8]) -> Result<Vec<Slice>, String> {
    let inflated;
    let bytes = if bytes.starts_with(&[31, 139]) {
        inflated = gunzip(bytes)?;
        &inflated
    } else {
        bytes
    };
    let text = str::from_utf8(bytes).map_err(|_| "is no CRAI index: it is no text".to_owned())?;
    let mut slices = Vec::new();
    for (number, line) in text.lines().enumerate() {
        slices.push(parse(line).ok_or_else(|| format!("is no CRAI index: line {} has not six numbers", number + 1))?);
    }
    slices.sort_by_key(|slice| slice.offset); // stable: the contigs of one slice stay in order
    Ok(slices)
}

fn parse(line: &str) -> Option<Slice> {
    let mut numbers = line.split('\t').map(str::parse::<i64>);
    let mut next = || numbers.next()?.ok();
    let (reference, start, span, offset, _, bytes) = (next()?, next()?, next()?, next()?, next()?, next()?);
    Some(Slice {
        reference: usize::try_from(reference).ok(),
        start: start.max(1) - 1,
        end: start.max(1) - 1 + span.max(0),
        offset: u64::try_from(offset).ok()?,
        bytes: u64::try_from(bytes).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_plain_or_gzipped() {
        use std::io::Write;
        let text = b"0\t11\t90\t500\t20\t300\n-1\t0\t0\t900\t20\t80\n";
        let slices = vec![
            Slice { reference: Some(0), start: 10, end: 100, offset: 500, bytes: 300 },
            Slice { reference: None, start: 0, end: 0, offset: 900, bytes: 80 },
        ];
        assert_eq!(read(text), Ok(slices.clone()));
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text).unwrap();
        assert_eq!(read(&gzip.finish().unwrap()), Ok(slices));
        assert!(read(b"0\t1\t2\n").unwrap_err().contains("line 1"));
        assert!(read(b"0\t1\t2\t3\t4\t-5\n").is_err());
    }
}
