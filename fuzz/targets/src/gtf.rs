//! Annotations in GTF, as the EM engine reads them.

use crate::scratch;
use scaletune_em_core::Unwatched;
use scaletune_em_core::annotation::{GtfOptions, read_gtf};

/// Reads an annotation; its intervals lie where they should.
pub fn target(data: &[u8]) -> bool {
    let Ok(annotation) =
        scratch::file("annotation.gtf", data, |path| read_gtf(path, &GtfOptions::default(), &Unwatched))
    else {
        return false;
    };
    assert!(!annotation.is_empty());
    for contig in annotation.contigs() {
        assert!(!annotation.intervals(contig).is_empty());
    }
    true
}

/// A GTF with comments, two loci, and attributes in several styles.
pub fn seeds() -> Vec<Vec<u8>> {
    crate::texts(&["##gtf\nchr1\trmsk\texon\t100\t200\t.\t+\t.\tgene_id \"g\"; locus \"L1_1\"; transcript_id \"t\";\n\
         chr1\trmsk\texon\t300\t400\t5.0\t-\t.\tlocus \"L1_1\";\n\
         chr2\trmsk\tgene\t1\t2\t.\t.\t.\tlocus \"no\";\nchr2\trmsk\texon\t10\t20\t.\t.\t0\tlocus HERV; x \"a; b\"\n"])
}
