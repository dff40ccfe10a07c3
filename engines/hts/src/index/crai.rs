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
    let text = str::from_utf8(bytes).map_err(|_| "is not a CRAI index: it is not text".to_owned())?;
    let mut slices = Vec::new();
    for (number, line) in text.lines().enumerate() {
        slices.push(parse(line).map_err(|fault| format!("is not a CRAI index: line {}: {fault}", number + 1))?);
    }
    slices.sort_by_key(|slice| slice.offset); // stable: the contigs of one slice stay in order
    Ok(slices)
}

fn parse(line: &str) -> Result<Slice, String> {
    let mut fields = line.split('\t');
    let mut next = |name: &str| {
        let field = fields.next().ok_or_else(|| format!("{name} is missing: six numbers stand on a line"))?;
        field.parse::<i64>().map_err(|_| format!("{name} '{field}' is not a whole number"))
    };
    let positive = |name: &str, number: i64| u64::try_from(number).map_err(|_| format!("{name} {number} is below 0"));
    let (reference, start, span) = (next("the contig")?, next("the start")?, next("the span")?);
    let (offset, _, bytes) = (next("the container's offset")?, next("the slice's offset")?, next("the slice's size")?);
    Ok(Slice {
        // -1 stands for records without a contig.
        reference: match reference {
            -1 => None,
            _ => Some(usize::try_from(reference).map_err(|_| format!("the contig {reference} is below -1"))?),
        },
        start: start.max(1) - 1,
        end: (start.max(1) - 1).saturating_add(span.max(0)),
        offset: positive("the container's offset", offset)?,
        bytes: positive("the slice's size", bytes)?,
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
    }

    #[test]
    fn faults_name_line_and_column() {
        let fault = |line: &str| read(format!("0\t11\t90\t500\t20\t300\n{line}\n").as_bytes()).unwrap_err();
        assert_eq!(
            fault("0\t1\t2"),
            "is not a CRAI index: line 2: the container's offset is missing: six numbers stand on a line"
        );
        assert!(fault("0\t1\ttwo\t3\t4\t5").ends_with("line 2: the span 'two' is not a whole number"));
        assert!(fault("0\t1\t2\t3\t4\t-5").ends_with("the slice's size -5 is below 0"));
        assert!(fault("0\t1\t2\t-3\t4\t5").ends_with("the container's offset -3 is below 0"));
        assert!(fault("-2\t1\t2\t3\t4\t5").ends_with("the contig -2 is below -1"));
        // Nonsense that is a number does not overflow.
        assert_eq!(read(format!("0\t9\t{}\t3\t4\t5\n", i64::MAX).as_bytes()).unwrap()[0].end, i64::MAX);
    }
}
