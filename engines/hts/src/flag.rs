//! The bits of FLAG (SAM specification, section 1.4).

/// The template has several segments.
pub const PAIRED: u16 = 0x1;
/// Each segment is properly aligned, says the aligner.
pub const PROPER_PAIR: u16 = 0x2;
/// This segment is unmapped.
pub const UNMAPPED: u16 = 0x4;
/// The next segment is unmapped.
pub const MATE_UNMAPPED: u16 = 0x8;
/// SEQ is reverse-complemented.
pub const REVERSE: u16 = 0x10;
/// The next segment's SEQ is reverse-complemented.
pub const MATE_REVERSE: u16 = 0x20;
/// The first segment of the template.
pub const FIRST: u16 = 0x40;
/// The last segment of the template.
pub const LAST: u16 = 0x80;
/// A secondary alignment.
pub const SECONDARY: u16 = 0x100;
/// Fails the platform's or the vendor's checks.
pub const QUALITY_FAIL: u16 = 0x200;
/// A PCR or optical duplicate.
pub const DUPLICATE: u16 = 0x400;
/// A supplementary alignment.
pub const SUPPLEMENTARY: u16 = 0x800;
