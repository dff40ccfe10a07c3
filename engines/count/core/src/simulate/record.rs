//! One alignment record and its bytes in BAM (SAM specification, section 4.2).

/// CIGAR operations by their BAM codes.
pub(super) mod op {
    pub(in super::super) const MATCH: u8 = 0;
    pub(in super::super) const INSERTION: u8 = 1;
    pub(in super::super) const DELETION: u8 = 2;
    pub(in super::super) const SKIP: u8 = 3;
    pub(in super::super) const SOFT_CLIP: u8 = 4;
    pub(in super::super) const HARD_CLIP: u8 = 5;
    pub(in super::super) const PADDING: u8 = 6;
    pub(in super::super) const EQUAL: u8 = 7;
    pub(in super::super) const DIFFERENT: u8 = 8;
}

/// A record in plain letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) reference: i32,
    /// 0-based; -1 for none.
    pub(super) start: i32,
    pub(super) name: String,
    pub(super) flags: u16,
    pub(super) mapping_quality: u8,
    pub(super) cigar: Vec<(u8, u32)>,
    pub(super) mate_reference: i32,
    pub(super) mate_start: i32,
    pub(super) template_length: i32,
    /// Letters; empty for `*`.
    pub(super) sequence: Vec<u8>,
    /// As many as letters, or none.
    pub(super) qualities: Vec<u8>,
    pub(super) barcode: Option<String>,
}

impl Record {
    /// Appends the record as BAM writes it, its length first.
    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        let from = bytes.len();
        bytes.extend([0; 4]);
        bytes.extend(self.reference.to_le_bytes());
        bytes.extend(self.start.to_le_bytes());
        bytes.push(self.name.len() as u8 + 1);
        bytes.push(self.mapping_quality);
        bytes.extend(bin(self.start, self.reference_end()).to_le_bytes());
        bytes.extend((self.cigar.len() as u16).to_le_bytes());
        bytes.extend(self.flags.to_le_bytes());
        bytes.extend((self.sequence.len() as u32).to_le_bytes());
        bytes.extend(self.mate_reference.to_le_bytes());
        bytes.extend(self.mate_start.to_le_bytes());
        bytes.extend(self.template_length.to_le_bytes());
        bytes.extend(self.name.as_bytes());
        bytes.push(0);
        for &(operation, length) in &self.cigar {
            bytes.extend((length << 4 | u32::from(operation)).to_le_bytes());
        }
        for pair in self.sequence.chunks(2) {
            bytes.push(nibble(pair[0]) << 4 | pair.get(1).map_or(0, |&letter| nibble(letter)));
        }
        if self.qualities.is_empty() {
            bytes.extend(std::iter::repeat_n(0xff, self.sequence.len()));
        } else {
            bytes.extend(&self.qualities);
        }
        bytes.extend(b"RGZsim\0");
        if let Some(barcode) = &self.barcode {
            bytes.extend(b"CBZ");
            bytes.extend(barcode.as_bytes());
            bytes.push(0);
        }
        let length = (bytes.len() - from - 4) as u32;
        bytes[from..from + 4].copy_from_slice(&length.to_le_bytes());
    }

    /// Behind the last base of the reference that the record spans.
    pub(super) fn reference_end(&self) -> i32 {
        let spans = |&&(operation, _): &&(u8, u32)| {
            matches!(operation, op::MATCH | op::DELETION | op::SKIP | op::EQUAL | op::DIFFERENT)
        };
        self.start + self.cigar.iter().filter(spans).map(|&(_, length)| length as i32).sum::<i32>()
    }
}

fn nibble(letter: u8) -> u8 {
    match letter {
        b'A' => 1,
        b'C' => 2,
        b'G' => 4,
        b'R' => 5,
        b'T' => 8,
        _ => 15,
    }
}

/// The bin of the BAI index (SAM specification, section 5.3).
fn bin(start: i32, end: i32) -> u16 {
    let last = end.max(start + 1) - 1;
    [(14, 4681), (17, 585), (20, 73), (23, 9), (26, 1)]
        .into_iter()
        .find(|(shift, _)| start >> shift == last >> shift)
        .map_or(0, |(shift, offset)| (offset + (start >> shift)) as u16)
}
