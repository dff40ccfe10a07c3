//! Counting: sites given one by one, and the command's table.

use crate::failure::{Failure, Result};
use crate::plans::PlanWish;
use crate::watch::Watch;
use crate::{inputs, watch};
use numpy::IntoPyArray;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};
use scaletune_count_core::{Row, Session, SiteList};
use scaletune_count_face::{descriptor, input_class, options, plan};
use std::collections::HashMap;

/// Opens, plans and counts.
fn counted(mut session: Session, wish: &PlanWish, watch: &Watch) -> Result<Session> {
    let chosen = wish.choose(&descriptor(), input_class(&session).as_map(), watch)?;
    session.prepare(&plan(&chosen)?)?;
    session.run(watch)?;
    session.warnings().iter().for_each(|warning| watch.warn(&warning.to_string()));
    Ok(session)
}

/// Reads rows (chrom, pos, ref, alt).
fn site_list(regions: &Bound<'_, PyAny>) -> PyResult<SiteList> {
    let mut sites = SiteList::default();
    let whole = "regions: give a list of (chrom, pos, ref, alt), or four arrays of one length";
    let rows = regions.try_iter().map_err(|_| PyTypeError::new_err(whole))?;
    for (number, row) in rows.enumerate() {
        let row = row?;
        let wrong = |problem: &str| PyTypeError::new_err(format!("regions[{number}]: {problem}"));
        let Ok(fields) = row.try_iter().and_then(|fields| fields.collect::<PyResult<Vec<_>>>()) else {
            return Err(wrong("is not (chrom, pos, ref, alt)"));
        };
        if row.is_instance_of::<PyString>() || row.is_instance_of::<PyBytes>() || fields.len() != 4 {
            return Err(wrong("is not (chrom, pos, ref, alt)"));
        }
        let text = |at: usize, name: &str| {
            let field = fields[at].cast::<PyString>().map_err(|_| wrong(&format!("{name} is not text")))?;
            field.to_str().map_err(|_| wrong(&format!("{name} is not UTF-8 text")))
        };
        let (contig, reference, alternate) = (text(0, "chrom")?, text(2, "ref")?, text(3, "alt")?);
        let position: i64 = match fields[1].extract() {
            Ok(position) => position,
            Err(error) if error.is_instance_of::<pyo3::exceptions::PyOverflowError>(row.py()) => {
                return Err(Failure::argument("regions", format!("row {number}: pos does not fit 64 bits")).into());
            }
            Err(_) => return Err(wrong("pos is not a whole number")),
        };
        let added = sites.push(contig, position, reference, alternate);
        added.map_err(|problem| Failure::argument("regions", format!("row {number}: {problem}")))?;
    }
    Ok(sites)
}

/// Counts at given sites; three arrays, or a list of tuples.
#[pyfunction]
pub(crate) fn count_sites<'py>(
    py: Python<'py>,
    regions: &Bound<'py, PyAny>,
    keywords: &Bound<'py, PyDict>,
    threads: Option<&Bound<'py, PyAny>>,
    plan: &Bound<'py, PyAny>,
    as_arrays: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let (given, wish, sites) = (inputs::read(keywords)?, PlanWish::read(threads, plan)?, site_list(regions)?);
    let counts = watch::run(py, |watch| {
        let inputs = inputs::check(&descriptor(), given, &["variants"])?;
        // No site needs no look into the file; that it is there was seen.
        if sites.is_empty() {
            return Ok(Vec::new());
        }
        let options = scaletune_count_core::CountOptions { sites: Some(sites), ..options(&inputs)? };
        let session = counted(Session::open(options, watch)?, &wish, watch)?;
        Ok(session.rows().map(|row| row.counts).collect())
    })?;
    if !as_arrays {
        return Ok(PyList::new(py, counts.into_iter().map(|[r, a, o]| (r, a, o)))?.into_any());
    }
    // Signed: REF less ALT is what users compute next, and below 0 it must not wrap.
    let column =
        |class: usize| counts.iter().map(|it: &[u32; 3]| i64::from(it[class])).collect::<Vec<i64>>().into_pyarray(py);
    Ok((column(0), column(1), column(2)).into_pyobject(py)?.into_any())
}

/// A word of a column, each made once.
struct Words<'py> {
    py: Python<'py>,
    known: HashMap<String, Bound<'py, PyString>>,
}

impl<'py> Words<'py> {
    fn new(py: Python<'py>) -> Self {
        Words { py, known: HashMap::new() }
    }

    fn column<'a>(&mut self, texts: impl Iterator<Item = &'a str>) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(self.py);
        for text in texts {
            match self.known.get(text) {
                Some(word) => list.append(word)?,
                None => {
                    let word = PyString::new(self.py, text);
                    list.append(&word)?;
                    self.known.insert(text.to_owned(), word);
                }
            }
        }
        Ok(list)
    }
}

/// The columns that every table of sites has. Texts are lists; the Python half makes arrays of them.
fn site_columns<'py>(py: Python<'py>, table: &Bound<'py, PyDict>, rows: &[Row<'_>], zero_based: bool) -> PyResult<()> {
    let mut words = Words::new(py);
    table.set_item("chrom", words.column(rows.iter().map(|row| row.contig))?)?;
    if zero_based {
        table.set_item("pos0", rows.iter().map(|row| i64::from(row.start)).collect::<Vec<i64>>().into_pyarray(py))?;
    }
    table.set_item("pos", rows.iter().map(|row| i64::from(row.position)).collect::<Vec<i64>>().into_pyarray(py))?;
    table.set_item("ref", words.column(rows.iter().map(|row| row.reference))?)?;
    table.set_item("alt", words.column(rows.iter().map(|row| row.alternate))?)
}

/// Counts at the sites of a variant file. Gives the columns of the command's table; per cell (sites, barcodes, labels,
/// and rows, columns and three counts of the cells that counted).
#[pyfunction]
pub(crate) fn count_variants<'py>(
    py: Python<'py>,
    keywords: &Bound<'py, PyDict>,
    threads: Option<&Bound<'py, PyAny>>,
    plan: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let (given, wish) = (inputs::read(keywords)?, PlanWish::read(threads, plan)?);
    let (sample, per_cell) = (given.contains_key("sample"), given.contains_key("barcodes"));
    let session = watch::run(py, |watch| {
        let options = options(&inputs::check(&descriptor(), given, &[])?)?;
        counted(Session::open(options, watch)?, &wish, watch)
    })?;
    let table = PyDict::new(py);
    if per_cell {
        let sites = session.distinct_sites();
        site_columns(py, &table, &sites, false)?;
        let mut words = Words::new(py);
        let (names, labels): (Vec<&str>, Vec<&str>) = session.barcodes().unzip();
        let cells = session.cells();
        let numbers = |pick: fn(&scaletune_count_core::Cell) -> u32| {
            cells.iter().map(pick).map(|number| number as i32).collect::<Vec<i32>>().into_pyarray(py)
        };
        let count = |class: usize| -> PyResult<_> {
            let counts = cells.iter().map(|it| i32::try_from(it.counts[class])).collect::<Result<Vec<i32>, _>>();
            let counts =
                counts.map_err(|_| Failure::Runtime("a cell's count does not fit 32 bits with a sign".into()))?;
            Ok(counts.into_pyarray(py).into_any())
        };
        let found = PyTuple::new(
            py,
            [
                table.into_any(),
                words.column(names.into_iter())?.into_any(),
                words.column(labels.into_iter())?.into_any(),
                numbers(|cell| cell.site).into_any(),
                numbers(|cell| cell.barcode).into_any(),
                count(0)?,
                count(1)?,
                count(2)?,
            ],
        )?;
        return Ok(found.into_any());
    }
    let rows: Vec<Row<'_>> = session.rows().collect();
    let columns = session.label_columns();
    site_columns(py, &table, &rows, columns.is_empty())?;
    let mut words = Words::new(py);
    if sample {
        table.set_item("GT", words.column(rows.iter().map(|row| row.genotype))?)?;
    }
    for (number, name) in columns.iter().enumerate() {
        table.set_item(name, words.column(rows.iter().map(|row| row.labels[number]))?)?;
    }
    for (class, name) in ["ref_count", "alt_count", "other_count"].iter().enumerate() {
        let counts: Vec<i64> = rows.iter().map(|row| i64::from(row.counts[class])).collect();
        table.set_item(name, counts.into_pyarray(py))?;
    }
    Ok(table.into_any())
}
