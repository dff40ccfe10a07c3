//! One worker's access to an alignment file: built once from a plan, then walked unit by unit.

use std::sync::Arc;

use crate::{
    AlignmentFile, Error, Fields, Format, Pool, Visitor,
    alignment::Alignment,
    htslib::HtslibReader,
    needs::Guard,
    noodles::NoodlesReader,
    raw::RawReader,
    unit::{Pieces, Place, Range, Unit, VirtualOffset},
};

/// Who decodes the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decoder {
    /// htslib: BAM, CRAM and SAM text, with or without threads of its own.
    Htslib,
    /// This crate's own walk: BAM only, on the calling thread; the fastest.
    Raw,
    /// noodles: BAM only, on the calling thread; shares no code with the others.
    Noodles,
}

/// Which threads decompress.
#[derive(Debug, Clone)]
pub enum Decode {
    /// The thread that calls [`Reader::walk`].
    Inline,
    /// So many threads of the reader's own, at least 1 (htslib adds one that reads ahead).
    PerReader(usize),
    /// Threads shared with other readers (htslib adds one to each reader, which reads ahead).
    SharedPool(Arc<Pool>),
}

/// How a reader works.
#[derive(Debug, Clone)]
pub struct ReaderPlan {
    /// Who decodes.
    pub decoder: Decoder,
    /// On which threads.
    pub decode: Decode,
    /// What the visitors read.
    pub fields: Fields,
}

/// A reader of one file. Threads are settled when it is made and can't be changed: htslib loses records when they are set
/// twice.
pub struct Reader {
    inner: Inner,
    file: AlignmentFile,
    fields: Fields,
}

enum Inner {
    Htslib(Box<HtslibReader>),
    Raw(Box<RawReader>),
    Noodles(Box<NoodlesReader>),
}

impl Reader {
    /// Makes a reader of `file`.
    ///
    /// # Errors
    /// The decoder does not do what the plan asks for, the file can't be opened again, or threads can't be started.
    pub fn open(file: &AlignmentFile, plan: &ReaderPlan) -> Result<Self, Error> {
        let inner = match plan.decoder {
            Decoder::Htslib if file.format() == Format::Sam && !matches!(plan.decode, Decode::Inline) => {
                let problem = format!("{}: SAM text is read inline only; use decode=inline", file.path().display());
                return Err(Error::Unsupported { problem });
            }
            Decoder::Htslib => Inner::Htslib(Box::new(HtslibReader::open(file, &plan.decode, plan.fields)?)),
            Decoder::Raw => {
                own_thread_only("raw", file, &plan.decode)?;
                Inner::Raw(Box::new(RawReader::new(file.source().clone(), file.contigs().len())))
            }
            Decoder::Noodles => {
                own_thread_only("noodles", file, &plan.decode)?;
                Inner::Noodles(Box::new(NoodlesReader::open(file)?))
            }
        };
        Ok(Reader { inner, file: file.clone(), fields: plan.fields })
    }

    /// Shows the visitor every record of the unit, in file order. A unit can be walked as often as wanted.
    ///
    /// # Errors
    /// The visitor's own, or what is wrong with the file. After the latter make a new reader.
    pub fn walk<V: Visitor>(&mut self, unit: &Unit, visitor: &mut V) -> Result<(), V::Error> {
        if cfg!(debug_assertions) && self.fields != Fields::ALL {
            let fields = self.fields;
            return self.walk_pieces(unit, &mut Guard { fields, visitor });
        }
        self.walk_pieces(unit, visitor)
    }

    fn walk_pieces<V: Visitor>(&mut self, unit: &Unit, visitor: &mut V) -> Result<(), V::Error> {
        let whole;
        let ranges = match (&unit.pieces, &mut self.inner) {
            (Pieces::Ranges(ranges), _) => ranges.as_slice(),
            (Pieces::WholeFile, _) if self.file.format() == Format::Bam => {
                whole = [Range { begin: self.file.first_record(), end: VirtualOffset::END, until: None }];
                &whole
            }
            (Pieces::WholeFile, Inner::Htslib(reader)) => return reader.walk_from_start(visitor),
            (Pieces::Unplaced, Inner::Htslib(reader)) => return reader.walk_span(None, visitor),
            (Pieces::Spans(spans), Inner::Htslib(reader)) => {
                return spans.iter().try_for_each(|span| reader.walk_span(Some(*span), visitor));
            }
            _ => {
                let problem = format!("{}: the unit is of a file of another format", self.file.path().display());
                return Err(Error::Unsupported { problem }.into());
            }
        };
        for range in ranges {
            match range.until {
                None => self.walk_range(range, visitor)?,
                Some(place) => match self.walk_range(range, &mut Until { place, visitor }) {
                    Ok(()) | Err(Stop::Reached) => {}
                    Err(Stop::Failed(error)) => return Err(error),
                },
            }
        }
        Ok(())
    }

    fn walk_range<V: Visitor>(&mut self, range: &Range, visitor: &mut V) -> Result<(), V::Error> {
        match &mut self.inner {
            Inner::Htslib(reader) => reader.walk(range, visitor),
            Inner::Raw(reader) => reader.walk(range, visitor),
            Inner::Noodles(reader) => reader.walk(range, visitor),
        }
    }
}

fn own_thread_only(name: &str, file: &AlignmentFile, decode: &Decode) -> Result<(), Error> {
    if file.format() != Format::Bam {
        let problem = format!("{}: the reader '{name}' reads BAM only; use the reader 'htslib'", file.path().display());
        return Err(Error::Unsupported { problem });
    }
    match decode {
        Decode::Inline => Ok(()),
        Decode::PerReader(_) | Decode::SharedPool(_) => Err(Error::Unsupported {
            problem: format!("the reader '{name}' decompresses inline only; use decode=inline, or the reader 'htslib'"),
        }),
    }
}

/// Ends a walk at the first record that starts at or after a place.
struct Until<'a, V> {
    place: Place,
    visitor: &'a mut V,
}

enum Stop<E> {
    Reached,
    Failed(E),
}

impl<E: From<Error>> From<Error> for Stop<E> {
    fn from(error: Error) -> Self {
        Stop::Failed(error.into())
    }
}

impl<V: Visitor> Visitor for Until<'_, V> {
    type Error = Stop<V::Error>;

    #[inline]
    fn record<A: Alignment>(&mut self, record: &A) -> Result<(), Self::Error> {
        // Records without a contig (-1) come after all others.
        let reference = record.reference_id() as u32 as usize;
        if (Place { reference, position: record.start() }) >= self.place {
            return Err(Stop::Reached);
        }
        self.visitor.record(record).map_err(Stop::Failed)
    }
}
