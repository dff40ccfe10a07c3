//! Whether records come by contig and start, as an index and every walk by position need it.

use crate::{AlignmentFile, Error, alignment::Alignment};

/// Where records begin and end, as long as they come in coordinate order.
#[derive(Debug, Clone)]
pub struct Order {
    file: AlignmentFile,
    first: Option<(u32, i64)>,
    last: Option<(u32, i64)>,
}

impl Order {
    /// No record seen yet of a file.
    pub fn new(file: &AlignmentFile) -> Self {
        Order { file: file.clone(), first: None, last: None }
    }

    /// Looks at the next record.
    ///
    /// # Errors
    /// It belongs in front of the one before.
    #[inline]
    pub fn see<A: Alignment>(&mut self, record: &A) -> Result<(), Error> {
        // Without a contig (-1) comes last.
        let place = (record.reference_id() as u32, record.start());
        if self.last > Some(place) {
            return Err(self.broken(self.last, place));
        }
        self.first.get_or_insert(place);
        self.last = Some(place);
        Ok(())
    }

    /// Goes on with what was seen of the units that follow.
    ///
    /// # Errors
    /// They begin in front of where these end.
    pub fn then(&mut self, next: &Order) -> Result<(), Error> {
        let Some(first) = next.first else { return Ok(()) };
        if self.last > Some(first) {
            return Err(self.broken(self.last, first));
        }
        self.first = self.first.or(next.first);
        self.last = next.last;
        Ok(())
    }

    #[cold]
    fn broken(&self, last: Option<(u32, i64)>, next: (u32, i64)) -> Error {
        let name = |(reference, start): (u32, i64)| match self.file.contigs().get(reference as usize) {
            Some(contig) => format!("{}:{}", contig.name, start + 1),
            None => "without a contig".to_owned(),
        };
        let after = last.map_or_else(String::new, name);
        Error::NotSorted {
            path: self.file.path().to_owned(),
            problem: format!("a record at {} follows one at {after}", name(next)),
        }
    }
}
