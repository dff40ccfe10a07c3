//! A count from its inputs to its files: open, prepare, run, write.

mod checks;
mod results;

use std::{path::Path, sync::Arc};

pub use results::{Cell, Row};

use checks::{missing_contigs, refuse_stream};

use scaletune_hts::{
    self as hts, AlignmentFile, Format, Interval, OpenOptions, Place, Pool, ReaderPlan, SortOrder, Unit,
};

use crate::{
    BarcodeFormat, CountOptions, CountPlan, Decode, Error, Monitor, Partition, Reader, Traversal, Warning,
    cells::Barcodes,
    harvest::Beyond,
    merge::Totals,
    regions::Regions,
    rules::Rules,
    run::{Work, run},
    sites::{panel::Panel, select::select, table::Table},
    tables,
    warning::explain_zero,
};

/// The sparse filter is used when it leaves less than this part of the bytes.
const SPARSE: f64 = 0.8;

/// An index finds records no nearer than this many bases (BAI and CSI: SAM specification, sections 5.2 and 5.3).
const INDEX_WINDOW: i64 = 1 << 14;

/// The bulk table, or the long table of cells.
pub const COUNTS_FILE: &str = "counts.tsv";
/// The ledger.
pub const LEDGER_FILE: &str = "ledger.tsv";
/// The files of [`BarcodeFormat::MatrixMarket`]: three matrices (sites x cells), and the names of rows and columns.
pub const MATRIX_FILES: [&str; 5] =
    [tables::MATRICES[0], tables::MATRICES[1], tables::MATRICES[2], tables::AXES[0], tables::AXES[1]];

/// A count whose inputs are open and valid.
pub struct Session {
    options: CountOptions,
    file: AlignmentFile,
    table: Table,
    panel: Panel,
    barcodes: Option<Barcodes>,
    warnings: Vec<Warning>,
    /// How many of the warnings come from opening; the others are of the last run.
    opened: usize,
    prepared: Option<Prepared>,
    totals: Option<Totals>,
}

/// What a plan needs; readers go before the pool that they use.
struct Prepared {
    units: Vec<Unit>,
    readers: Vec<hts::Reader>,
    /// True when the units hold every record of the contigs that have sites.
    whole: bool,
    _pool: Option<Arc<Pool>>,
}

/// The sizes that matter for speed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputClass {
    /// Size of the alignment file.
    pub alignment_bytes: u64,
    /// Records in it, by its index.
    pub records: Option<u64>,
    /// Contigs in its header.
    pub contigs: usize,
    /// Distinct sites.
    pub sites: usize,
    /// Rows of the output.
    pub rows: usize,
    /// True for CRAM.
    pub cram: bool,
}

impl Session {
    /// Opens and validates every input, and selects the sites.
    ///
    /// # Errors
    /// Options that contradict each other; a file that can't be used, named with its place and the remedy.
    pub fn open(options: CountOptions, monitor: &dyn Monitor) -> Result<Self, Error> {
        options.validate()?;
        refuse_stream(&options.alignments)?;
        if options.sites.is_none() {
            refuse_stream(&options.variants)?;
        }
        let file = AlignmentFile::open(
            &options.alignments,
            &OpenOptions { reference: options.reference.clone(), ..Default::default() },
        )?;
        if file.sort_order() == SortOrder::QueryName {
            return Err(Error::Record {
                path: options.alignments,
                problem:
                    "its header says that it is sorted by read name; counting needs coordinate order: sort it with \
                          samtools sort and index it with samtools index"
                        .into(),
            });
        }
        let mut warnings: Vec<Warning> =
            file.warnings().iter().map(|warning| Warning::Alignments(warning.to_string())).collect();
        let mut selection = select(&options, monitor)?;
        check_cancelled(monitor)?;
        warnings.extend((selection.symbolic > 0).then_some(Warning::Symbolic(selection.symbolic)));
        warnings.extend((selection.lower_case > 0).then_some(Warning::LowerCase(selection.lower_case)));
        let regions = match &options.regions {
            None => None,
            Some(regions) => Some(Regions::read(regions, &selection.contigs, &mut selection.words)?),
        };
        let (records, selected) = (selection.records, selection.rows.len());
        let table = Table::new(selection, regions.as_ref(), options.sample.is_some(), options.compat.is_some());
        if table.rows.is_empty() {
            warnings.push(Warning::EmptySelection(match &options.regions {
                Some(regions) if selected > 0 => format!(
                    "none of {selected} selected rows of {} lies in a region of {}; do both files use the same contig \
                     names?",
                    options.site_source(),
                    regions.path.display()
                ),
                _ => format!("none of {records} records of {} is selected", options.site_source()),
            }));
        }
        warnings.extend(missing_contigs(&options, &file, &table)?);
        let names = file.contigs().iter().map(|contig| contig.name.as_str());
        let panel = Panel::new(&table, names, options.alleles.fold_case);
        let exact = options.compat.is_some();
        let barcodes = options.barcodes.as_deref().map(|path| Barcodes::read(path, exact)).transpose()?;
        if let (Some(barcodes), Some(path)) = (&barcodes, &options.barcodes) {
            warnings.extend(barcodes.notes(path).into_iter().map(Warning::Barcodes));
        }
        let opened = warnings.len();
        Ok(Session { options, file, table, panel, barcodes, warnings, opened, prepared: None, totals: None })
    }

    /// What a user should know, so far.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The sizes that matter for speed.
    pub fn input_class(&self) -> InputClass {
        InputClass {
            alignment_bytes: self.file.size(),
            records: self.indexed_records(),
            contigs: self.file.contigs().len(),
            sites: self.table.sites.len(),
            rows: self.table.rows.len(),
            cram: self.file.format() == Format::Cram,
        }
    }

    /// The files that [`Session::write`] writes.
    pub fn output_files(&self) -> Vec<&'static str> {
        let mut files = match self.options.barcode_format {
            BarcodeFormat::MatrixMarket => MATRIX_FILES.to_vec(),
            BarcodeFormat::Tsv => vec![COUNTS_FILE],
        };
        files.extend(self.options.ledger.then_some(LEDGER_FILE));
        files
    }

    /// Cuts the file into the plan's units, opens its readers and starts its decompression threads.
    ///
    /// # Errors
    /// The plan contradicts itself or the file's format, or the index that it needs is missing.
    pub fn prepare(&mut self, plan: &CountPlan) -> Result<(), Error> {
        plan.validate()?;
        self.prepared = None;
        let (units, whole) = self.cut(plan)?;
        let pool = match plan.decode {
            Decode::SharedPool => Some(Pool::new(plan.decode_threads)?),
            Decode::Inline | Decode::PerReader => None,
        };
        let decoder = match plan.reader {
            Reader::Htslib => hts::Decoder::Htslib,
            Reader::Raw => hts::Decoder::Raw,
            Reader::Noodles => hts::Decoder::Noodles,
        };
        let fields = Rules::new(&self.options, self.barcodes.as_ref()).fields();
        // More readers than units would have nothing to do. One is always opened, so that an impossible plan is refused
        // whatever the sites are.
        let readers = plan.workers.min(units.len()).max(1);
        let readers = (0..readers)
            .map(|_| {
                let decode = match (plan.decode, &pool) {
                    (Decode::PerReader, _) => hts::Decode::PerReader(plan.decode_threads),
                    (Decode::SharedPool, Some(pool)) => hts::Decode::SharedPool(Arc::clone(pool)),
                    (Decode::SharedPool | Decode::Inline, _) => hts::Decode::Inline,
                };
                hts::Reader::open(&self.file, &ReaderPlan { decoder, decode, fields }).map_err(|error| match error {
                    hts::Error::Unsupported { problem } => Error::Plan(problem),
                    error => Error::Alignments(error),
                })
            })
            .collect::<Result<_, Error>>()?;
        self.prepared = Some(Prepared { units, readers, whole, _pool: pool });
        Ok(())
    }

    /// The plan's units, in file order, and whether they hold every record of every contig that has sites.
    fn cut(&self, plan: &CountPlan) -> Result<(Vec<Unit>, bool), Error> {
        if self.table.sites.is_empty() {
            return Ok((Vec::new(), false));
        }
        if plan.traversal == Traversal::Stream {
            // An index that is older than the file may well count other records.
            let stale = |warning: &hts::Warning| matches!(warning, hts::Warning::StaleIndex { .. });
            return Ok((vec![self.file.whole_file()], !self.file.warnings().iter().any(stale)));
        }
        let planner = self.file.planner()?;
        let (mut sites, mut contigs) = (Vec::with_capacity(self.panel.len()), Vec::new());
        for (reference, contig) in self.panel.contigs.iter().enumerate() {
            let positions = &self.panel.positions[contig.start as usize..contig.end as usize];
            sites.extend(positions.iter().map(|&position| Place { reference, position: i64::from(position) }));
            // To the contig's end in the index: records may start behind the end that the header gives it.
            if !positions.is_empty() {
                contigs.push(Interval { reference, start: 0, end: i64::MAX });
            }
        }
        let units = match plan.partition {
            Partition::Chromosome => planner.by_reference(),
            Partition::Bytes => planner.by_bytes(plan.units()),
            Partition::Sites => planner.by_sites(&sites, plan.units()),
        };
        let intervals = near_together(&sites);
        let sparse = planner.overlapping(units.clone(), &intervals);
        let whole = planner.overlapping(units, &contigs);
        let weight = |units: &[Unit]| units.iter().map(Unit::compressed_bytes).sum::<u64>() as f64;
        // Leaving out little is not worth the proof that the file is whole.
        if weight(&sparse) < SPARSE * weight(&whole) { Ok((sparse, false)) } else { Ok((whole, true)) }
    }

    /// Counts. May be called again, with the same result.
    ///
    /// # Errors
    /// No plan was prepared; the file is damaged, not sorted or shorter than its index says; the monitor cancelled.
    pub fn run(&mut self, monitor: &dyn Monitor) -> Result<(), Error> {
        let records = self.indexed_records().unwrap_or(0);
        let Some(prepared) = &mut self.prepared else {
            return Err(Error::Internal("a run without a plan".into()));
        };
        self.totals = None;
        let work = Work {
            alignments: &self.options.alignments,
            contigs: self.file.contigs(),
            panel: &self.panel,
            rules: Rules::new(&self.options, self.barcodes.as_ref()),
            units: &prepared.units,
            records,
            monitor,
        };
        monitor.begin("scan");
        let totals = run(&work, &mut prepared.readers)?;
        monitor.end("scan");
        monitor.begin("merge");
        if prepared.whole {
            self.compare_with_index(&totals)?;
        }
        totals.check_ledger(&self.options.alignments)?;
        monitor.end("merge");
        // Those of an earlier run.
        self.warnings.truncate(self.opened);
        self.warnings.extend(totals.beyond.as_ref().map(|beyond| self.beyond_contig(beyond)));
        if let (Some(barcodes), Some(path)) = (&self.barcodes, &self.options.barcodes) {
            let said = totals.barcodes.warnings(barcodes, path, self.options.barcode_tag);
            self.warnings.extend(said.into_iter().map(Warning::Barcodes));
        }
        if !self.table.sites.is_empty() && totals.sums() == [0; 3] {
            self.warnings.push(explain_zero(&totals.tally, self.options.filters));
        }
        self.totals = Some(totals);
        Ok(())
    }

    fn beyond_contig(&self, beyond: &Beyond) -> Warning {
        let contig = usize::try_from(beyond.reference).ok().and_then(|number| self.file.contigs().get(number));
        Warning::BeyondContig {
            records: beyond.records,
            name: String::from_utf8_lossy(&beyond.name).into_owned(),
            contig: contig.map(|contig| contig.name.clone()).unwrap_or_default(),
            length: contig.map_or(0, |contig| contig.length),
            start: beyond.start + 1,
        }
    }

    /// A file that was cut and ends well shows only here: its index counts more records than there are.
    fn compare_with_index(&self, totals: &Totals) -> Result<(), Error> {
        let Some(statistics) = self.file.statistics() else { return Ok(()) };
        for (((contig, sites), &seen), indexed) in
            self.file.contigs().iter().zip(&self.panel.contigs).zip(&totals.records).zip(&statistics.contigs)
        {
            let indexed = indexed.mapped + indexed.unmapped;
            if sites.start < sites.end && seen != indexed {
                return Err(Error::Alignments(hts::Error::RecordsMissing {
                    path: self.options.alignments.clone(),
                    place: format!("contig {}", contig.name),
                    seen,
                    indexed,
                }));
            }
        }
        Ok(())
    }

    /// Writes the files named by [`Session::output_files`] into a folder.
    ///
    /// # Errors
    /// Nothing was counted yet, or a file can't be written.
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        let Some(totals) = &self.totals else {
            return Err(Error::Internal("a table was wanted before a run".into()));
        };
        match (&self.barcodes, self.options.barcode_format) {
            (None, _) => tables::write_counts(&folder.join(COUNTS_FILE), &self.table, totals)?,
            (Some(cells), BarcodeFormat::Tsv) => {
                tables::write_cells(&folder.join(COUNTS_FILE), &self.table, cells, &totals.cells)?;
            }
            (Some(cells), BarcodeFormat::MatrixMarket) => {
                tables::write_matrices(folder, &self.table, cells, &totals.cells)?;
            }
        }
        if let Some(ledger) = &totals.ledger {
            let per_cell = self.barcodes.is_some();
            tables::write_ledger(&folder.join(LEDGER_FILE), &self.table, &ledger.reasons, per_cell)?;
        }
        Ok(())
    }

    /// REF, ALT and other counts over all sites, after a run.
    pub fn sums(&self) -> Option<[u64; 3]> {
        self.totals.as_ref().map(Totals::sums)
    }

    fn indexed_records(&self) -> Option<u64> {
        let statistics = self.file.statistics()?;
        let placed: u64 = statistics.contigs.iter().map(|contig| contig.mapped + contig.unmapped).sum();
        Some(placed + statistics.unplaced.unwrap_or(0))
    }
}

/// Intervals over sorted sites: those that the index can't tell apart share one.
fn near_together(sites: &[Place]) -> Vec<Interval> {
    let mut intervals: Vec<Interval> = Vec::new();
    for site in sites {
        let end = site.position + 1;
        match intervals.last_mut() {
            Some(last) if last.reference == site.reference && site.position < last.end + INDEX_WINDOW => last.end = end,
            _ => intervals.push(Interval { reference: site.reference, start: site.position, end }),
        }
    }
    intervals
}

fn check_cancelled(monitor: &dyn Monitor) -> Result<(), Error> {
    if monitor.cancelled() { Err(Error::Cancelled) } else { Ok(()) }
}
