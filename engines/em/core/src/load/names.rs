//! Whether names stand together: in a collated file no name comes back once another one has come.
//!
//! Of every finished name 64 bits of a hash are kept. They are sorted, and looked through for two of a kind, each time that
//! their number has doubled: eight bytes a fragment, and hardly any time. Two of a kind are a suspicion; the walk of the
//! file that follows, with 128 bits a name, proves it and finds the first record out of place, the same one for every plan.

use hashbrown::HashSet;
use scaletune_hts::{Alignment, Decode, Decoder, Fields, Format, Reader, ReaderPlan, SortOrder, Visitor};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::Load;
use super::extract::AsIs;
use crate::model::check;
use crate::{EmError, Monitor, Workers};

/// Names before the first look.
const FIRST_LOOK: usize = 1 << 16;

/// Records between two looks at whether the caller wants to stop.
const STRIDE: u64 = 1 << 16;

/// Hashes of finished names.
#[derive(Debug, Default)]
pub(super) struct Names {
    hashes: Vec<u64>,
    looked_at: usize,
}

impl Names {
    /// A name is finished.
    #[inline]
    pub(super) fn finish(&mut self, name: &[u8], load: &Load<'_>) -> Result<(), EmError> {
        self.hashes.push(xxh3_64(name));
        if self.hashes.len() >= FIRST_LOOK.max(2 * self.looked_at) {
            self.hashes.sort_unstable();
            self.look(load)?;
        }
        Ok(())
    }

    /// Adds names that another worker finished.
    pub(super) fn append(&mut self, other: Self) {
        self.hashes.extend(other.hashes);
    }

    /// Looks at all of them.
    ///
    /// # Errors
    /// A name comes back.
    pub(super) fn check(mut self, load: &Load<'_>, workers: &Workers) -> Result<(), EmError> {
        workers.sort(&mut self.hashes);
        self.look(load)
    }

    fn look(&mut self, load: &Load<'_>) -> Result<(), EmError> {
        if self.hashes.windows(2).any(|pair| pair[0] == pair[1]) {
            prove(load)?;
        }
        self.looked_at = self.hashes.len();
        Ok(())
    }
}

/// Walks the file for the first name that comes back.
fn prove(load: &Load<'_>) -> Result<(), EmError> {
    let file = load.file;
    let decoder = if file.format() == Format::Bam { Decoder::Raw } else { Decoder::Htslib };
    let mut reader = Reader::open(file, &ReaderPlan { decoder, decode: Decode::Inline, fields: Fields::NAME })?;
    let mut search = Search { monitor: load.monitor, closed: HashSet::default(), open: None, records: 0, found: None };
    match reader.walk(&file.whole_file(), &mut search) {
        Err(error) if search.found.is_none() => return Err(error),
        _ => {}
    }
    let Some(name) = search.found else { return Ok(()) };
    let header = file.header();
    let claim = match header.sort_order() {
        SortOrder::QueryName => ", although its header says SO:queryname",
        _ if header.is_grouped_by_name() => ", although its header says GO:query",
        _ => "",
    };
    let path = file.path().display();
    let problem = format!(
        "the name \"{}\" comes back in record {} after other names: the file is not collated{claim}; collate it with: samtools collate -o OUT.bam '{path}', or sort it with: samtools sort -o \
         OUT.bam '{path}'",
        String::from_utf8_lossy(&name),
        search.records
    );
    Err(EmError::unusable(file.path(), problem))
}

struct Search<'a> {
    monitor: &'a dyn Monitor,
    closed: HashSet<u128, std::hash::BuildHasherDefault<AsIs>>,
    /// The name at hand.
    open: Option<u128>,
    records: u64,
    found: Option<Vec<u8>>,
}

impl Visitor for Search<'_> {
    type Error = EmError;

    fn record<A: Alignment>(&mut self, record: &A) -> Result<(), EmError> {
        self.records += 1;
        if self.records.is_multiple_of(STRIDE) {
            check(self.monitor)?;
        }
        let hash = xxh3_128(record.name());
        if self.open == Some(hash) {
            return Ok(());
        }
        self.closed.extend(self.open.replace(hash));
        if self.closed.contains(&hash) {
            self.found = Some(record.name().to_owned());
            // Any error ends the walk; what was found counts.
            return Err(EmError::Cancelled);
        }
        Ok(())
    }
}
