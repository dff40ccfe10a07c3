//! Files as they come, and files that are wrong.

use std::{fs, io::Write};

use super::*;

/// Regions of a file with this text, as (contig, start, end, labels), and the columns.
fn read(name: &str, text: &str, options: RegionOptions) -> Result<(Vec<String>, Vec<String>), Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    if name.ends_with(".gz") {
        let mut encoder = flate2::write::GzEncoder::new(fs::File::create(&path).unwrap(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap();
    } else {
        fs::write(&path, text).unwrap();
    }
    let mut words = Words::default();
    let contigs = ["chr1".to_owned(), "chr2".to_owned()];
    let regions = Regions::read(&RegionOptions { path, ..options }, &contigs, &mut words)?;
    let show = |region: &Region| {
        let labels = region.labels.map(|label| words.text(label).to_owned());
        format!("{} {} {} {} {}", region.contig, region.start, region.end, labels[0], labels[1]).trim_end().to_owned()
    };
    Ok((regions.entries.iter().map(show).collect(), regions.columns))
}

#[test]
fn bed_is_named_by_its_interval_or_its_fourth_column() {
    let text = "# c\ntrack name=x\nbrowser position\nchr1\t5\t10\tpeak\t0\nchr9\t1\t2\nchr2\t7\t8\r\n\n";
    for name in ["a.bed", "a.bed.gz", "a.narrowPeak", "a.BED"] {
        let (regions, columns) = read(name, text, RegionOptions::default()).unwrap();
        assert_eq!(regions, ["0 5 10 chr1_5_10", "1 7 8 chr2_7_8"], "{name}");
        assert_eq!(columns, ["region"]);
    }
    let (regions, _) = read("a.bed", text, RegionOptions { use_names: true, ..Default::default() }).unwrap();
    assert_eq!(regions, ["0 5 10 peak", "1 7 8 chr2_7_8"]);
}

const GTF: &str = "#!x\nchr1\ts\tgene\t5\t10\t.\t+\t.\tgene_id \"G1\"; gene_name \"N\";\n\
    chr1\ts\texon\t5\t7\t.\t+\t.\tgene_id \"G1\"; transcript_id \"T1\"; exon_id \"E1\";\n\
    chr2\ts\texon\t8\t9\t.\t+\t.\tgene_id \"G2\"; exon_id \"E2\";\n";

#[test]
fn annotations_choose_feature_and_attributes() {
    let (regions, columns) = read("a.gtf", GTF, RegionOptions::default()).unwrap();
    assert_eq!(
        (regions, columns),
        (vec!["0 4 10 G1 G1".to_owned()], vec!["gene_id".to_owned(), "groupby_gene_id".to_owned()])
    );
    let exon = RegionOptions { feature: Some("exon".into()), ..Default::default() };
    let (regions, columns) = read("a.gtf.gz", GTF, exon.clone()).unwrap();
    assert_eq!(regions, ["0 4 7 E1 T1", "1 7 9 E2"]);
    assert_eq!(columns, ["exon_id", "transcript_id"]);
    let named = RegionOptions { attribute: Some("gene_id".into()), parent: Some("exon_id".into()), ..exon };
    let (regions, columns) = read("a.gtf", GTF, named).unwrap();
    assert_eq!(regions, ["0 4 7 G1 E1", "1 7 9 G2 E2"]);
    assert_eq!(columns, ["gene_id", "exon_id"]);
    let gff = "chr1\ts\tgene\t5\t10\t.\t+\t.\tID=G1;Parent=P\n";
    let (regions, columns) = read("a.gff3", gff, RegionOptions::default()).unwrap();
    assert_eq!((regions, columns), (vec!["0 4 10 G1 P".to_owned()], vec!["ID".to_owned(), "Parent".to_owned()]));
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    let plain = RegionOptions::default();
    let feature = RegionOptions { feature: Some("CDS".into()), ..Default::default() };
    let attribute = RegionOptions { attribute: Some("nope".into()), ..Default::default() };
    let parent = RegionOptions { parent: Some("nope".into()), ..Default::default() };
    let names = RegionOptions { use_names: true, ..Default::default() };
    for (name, text, options, problem) in [
        ("a.txt", "chr1\t1\t2\n", &plain, ".bed"),
        ("a.bed", "chr1\t1\t2\nchr1 1 2\n", &plain, "line 2: fewer than three columns"),
        ("a.bed", "chr1\tx\t2\n", &plain, "line 1: start 'x'"),
        ("a.bed", "chr1\t3\t2\n", &plain, "line 1: end 2 lies before start 3"),
        ("a.bed", "chr1\t3\t4\n", &feature, "for GTF and GFF3"),
        ("a.gtf", GTF, &feature, "no row of feature type CDS; there are: exon, gene"),
        ("a.gtf", GTF, &attribute, "no gene row has the attribute 'nope'; its attributes: gene_id, gene_name"),
        ("a.gtf", GTF, &parent, "no gene row has the attribute 'nope'"),
        ("a.gtf", GTF, &names, "for BED"),
        ("a.gtf", "chr1\t1\n", &plain, "line 1: 2 columns"),
        ("a.gtf", "chr1\ts\tgene\t0\t10\t.\t+\t.\tID=1\n", &plain, "line 1: start 0"),
        ("a.gtf", "", &plain, "there are: none"),
    ] {
        let error = read(name, text, options.clone()).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
}
