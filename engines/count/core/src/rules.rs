//! What a scan needs to know of the options.

use scaletune_hts::Fields;

use crate::{
    cells::Barcodes,
    ledger::Reason,
    options::{CountOptions, Filters, IndelRule, Policy},
};

const UNMAPPED: u16 = 4;

/// The rules of one run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub(crate) policy: Policy,
    pub(crate) filters: Filters,
    pub(crate) indel_rule: IndelRule,
    pub(crate) barcodes: Option<&'a Barcodes>,
    pub(crate) barcode_tag: [u8; 2],
    pub(crate) ledger: bool,
}

impl<'a> Rules<'a> {
    pub(crate) fn new(options: &CountOptions, barcodes: Option<&'a Barcodes>) -> Self {
        Rules {
            policy: options.policy,
            filters: options.filters,
            indel_rule: options.indel_rule(),
            barcodes,
            barcode_tag: options.barcode_tag.0,
            ledger: options.ledger,
        }
    }

    /// Why a record counts nowhere. Its MAPQ is read only where there is a bound.
    #[inline]
    pub(crate) fn rejects(&self, flags: u16, mapping_quality: impl FnOnce() -> u8) -> Option<Reason> {
        let Filters { exclude_flags, require_flags, min_mapping_quality, .. } = self.filters;
        if flags & (UNMAPPED | exclude_flags) != 0 || flags & require_flags != require_flags {
            Some(Reason::Flag)
        } else if min_mapping_quality > 0 && mapping_quality() < min_mapping_quality {
            Some(Reason::MappingQuality)
        } else {
            None
        }
    }

    /// True when a base's quality drops its record; 0xff, or none, says that there is no quality, and passes. It is read only
    /// where there is a bound.
    #[inline]
    pub(crate) fn is_low(&self, quality: impl FnOnce() -> Option<u8>) -> bool {
        self.filters.min_base_quality > 0
            && quality().is_some_and(|quality| quality != 0xff && quality < self.filters.min_base_quality)
    }

    /// What a scan reads of a record. Messages name records, whatever the policy is.
    pub(crate) fn fields(&self) -> Fields {
        let Filters { min_base_quality, min_mapping_quality, exclude_flags, require_flags } = self.filters;
        (Fields::NAME | Fields::SEQUENCE | Fields::of_flags(exclude_flags | require_flags))
            .and_if(min_base_quality > 0, Fields::QUALITIES)
            .and_if(min_mapping_quality > 0, Fields::MAPPING_QUALITY)
            .and_if(self.barcodes.is_some(), Fields::TAGS)
    }

    /// True when counting needs the names of templates.
    pub(crate) fn resolves_names(&self) -> bool {
        self.policy != Policy::Read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters() {
        let rules = |filters| Rules::new(&CountOptions { filters, ..Default::default() }, None);
        let none = rules(Filters::default());
        assert_eq!(none.rejects(0xfff & !4, || 0), None);
        assert_eq!(none.rejects(4, || 60), Some(Reason::Flag));
        assert!(!none.is_low(|| Some(0)));
        let some =
            rules(Filters { min_base_quality: 20, min_mapping_quality: 10, exclude_flags: 0x400, require_flags: 3 });
        assert_eq!(some.rejects(3, || 10), None);
        assert_eq!(some.rejects(1, || 10), Some(Reason::Flag));
        assert_eq!(some.rejects(0x403, || 10), Some(Reason::Flag));
        assert_eq!(some.rejects(3, || 9), Some(Reason::MappingQuality));
        assert_eq!(
            [Some(19), Some(20), Some(255), None].map(|quality| some.is_low(|| quality)),
            [true, false, false, false]
        );
    }
}
