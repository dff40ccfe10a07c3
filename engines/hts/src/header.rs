//! What a header says about an alignment file: its text, its contigs, its order.

/// A reference sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contig {
    /// Its name (`SN`).
    pub name: String,
    /// Its length in bases.
    pub length: u64,
}

/// The order of the records, as the header claims it (`SO` of `@HD`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortOrder {
    /// By contig and start.
    Coordinate,
    /// By read name.
    QueryName,
    /// `unsorted`.
    Unsorted,
    /// The header does not say, or says `unknown`.
    Unknown,
}

/// The header of an alignment file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The header's lines, as in SAM.
    pub text: String,
    /// The reference sequences, in the order of their numbers.
    pub contigs: Vec<Contig>,
}

impl Header {
    /// The order that `@HD` claims.
    pub fn sort_order(&self) -> SortOrder {
        match self.first_line_value("SO") {
            Some("coordinate") => SortOrder::Coordinate,
            Some("queryname") => SortOrder::QueryName,
            Some("unsorted") => SortOrder::Unsorted,
            _ => SortOrder::Unknown,
        }
    }

    /// Whether the records of a name stand together: `SO:queryname` or `GO:query`.
    pub fn is_grouped_by_name(&self) -> bool {
        self.sort_order() == SortOrder::QueryName || self.first_line_value("GO") == Some("query")
    }

    fn first_line_value(&self, tag: &str) -> Option<&str> {
        let line = self.text.lines().next()?.strip_prefix("@HD\t")?;
        line.split('\t').find_map(|field| field.strip_prefix(tag)?.strip_prefix(':'))
    }
}

/// Reads a BAM header (SAM specification, section 4.2) from the start of the inflated `bytes`: the header and its length in
/// bytes, `None` when the bytes end before it does.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<(Header, usize)>, String> {
    let mut rest = bytes;
    let Some(magic) = take(&mut rest, 4) else { return Ok(None) };
    if magic != b"BAM\x01" {
        return Err("it does not begin with the letters BAM".to_owned());
    }
    let Some(length) = take_length(&mut rest)? else { return Ok(None) };
    let Some(text) = take(&mut rest, length) else { return Ok(None) };
    let end = text.iter().rposition(|&b| b != 0).map_or(0, |at| at + 1); // NULs may pad it
    let text = String::from_utf8_lossy(&text[..end]).into_owned();
    let Some(count) = take_length(&mut rest)? else { return Ok(None) };
    let mut contigs = Vec::new();
    for number in 1..=count {
        let Some(length) = take_length(&mut rest)? else { return Ok(None) };
        let Some(name) = take(&mut rest, length) else { return Ok(None) };
        let name = name.strip_suffix(b"\0").ok_or_else(|| format!("the name of contig {number} has no end"))?;
        let name = str::from_utf8(name).map_err(|_| format!("the name of contig {number} is not text"))?.to_owned();
        let Some(length) = take_length(&mut rest)? else { return Ok(None) };
        contigs.push(Contig { name, length: length as u64 });
    }
    Ok(Some((Header { text, contigs }, bytes.len() - rest.len())))
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

/// A count, which the format keeps in 31 bits.
fn take_length(bytes: &mut &[u8]) -> Result<Option<usize>, String> {
    let Some((word, rest)) = bytes.split_first_chunk() else { return Ok(None) };
    *bytes = rest;
    match i32::from_le_bytes(*word).try_into() {
        Ok(length) => Ok(Some(length)),
        Err(_) => Err("a length in it is negative".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Header {
        Header { text: text.to_owned(), contigs: Vec::new() }
    }

    #[test]
    fn the_order_is_read_from_the_first_line_only() {
        assert_eq!(header("@HD\tVN:1.6\tSO:coordinate\n").sort_order(), SortOrder::Coordinate);
        assert_eq!(header("@HD\tVN:1.6\tSO:queryname\tSS:queryname:natural\n").sort_order(), SortOrder::QueryName);
        assert_eq!(header("@HD\tVN:1.6\tSO:unsorted\tGO:query\n").sort_order(), SortOrder::Unsorted);
        assert_eq!(header("@HD\tVN:1.6\n@CO\tSO:coordinate\n").sort_order(), SortOrder::Unknown);
        assert_eq!(header("").sort_order(), SortOrder::Unknown);
        assert!(header("@HD\tVN:1.6\tSO:unsorted\tGO:query\n").is_grouped_by_name());
        assert!(header("@HD\tSO:queryname\n").is_grouped_by_name());
        assert!(!header("@HD\tSO:coordinate\n").is_grouped_by_name());
    }

    #[test]
    fn a_header_is_whole_or_waits_for_more() {
        let text = b"@HD\tVN:1.6\n";
        let mut bytes = b"BAM\x01".to_vec();
        bytes.extend((text.len() as u32 + 2).to_le_bytes());
        bytes.extend(text);
        bytes.extend(b"\0\0");
        bytes.extend(1u32.to_le_bytes());
        bytes.extend(3u32.to_le_bytes());
        bytes.extend(b"c1\0");
        bytes.extend(77u32.to_le_bytes());
        for length in 0..bytes.len() {
            assert_eq!(parse(&bytes[..length]), Ok(None));
        }
        let whole =
            Header { text: "@HD\tVN:1.6\n".to_owned(), contigs: vec![Contig { name: "c1".to_owned(), length: 77 }] };
        assert_eq!(parse(&bytes), Ok(Some((whole, bytes.len()))));
        bytes[7] = 0x80;
        assert!(parse(&bytes).is_err());
        assert!(parse(b"BAX\x01").is_err());
    }
}
