//! Regions of the counting engine: BED, narrowPeak, GTF, GFF3. The first byte says which.

use crate::scratch;
use scaletune_count_core::{RegionOptions, probes};

const NAMES: [&str; 4] = ["r.bed", "r.narrowPeak", "r.gtf", "r.gff3"];

/// Reads regions on two contigs.
pub fn target(data: &[u8]) -> bool {
    let Some((first, rest)) = data.split_first() else { return false };
    let name = NAMES[usize::from(*first) % NAMES.len()];
    scratch::file(name, rest, |path| {
        let options = RegionOptions { path: path.into(), use_names: first & 4 != 0, ..RegionOptions::default() };
        probes::regions(&options, &["chr1", "chr2"]).is_ok()
    })
}

/// One file of each kind.
pub fn seeds() -> Vec<Vec<u8>> {
    crate::texts(&[
        "\u{4}track x\nchr1\t10\t20\tname\t0\t+\n#c\nchr2\t0\t5\n",
        "\u{1}chr1\t10\t20\tpeak\t100\t.\t1.5\t2.5\t-1\t5\n",
        "\u{2}chr1\ts\tgene\t1\t100\t.\t+\t.\tgene_id \"g\"; gene_name \"n\";\nchr1\ts\texon\t1\t50\t.\t+\t.\tgene_id \"g\"; exon_id \"e\"; transcript_id \"t\"\n",
        "\u{3}##gff-version 3\nchr2\ts\tgene\t1\t9\t.\t-\t.\tID=gene%201;Name=a;Parent=p\n",
    ])
}
