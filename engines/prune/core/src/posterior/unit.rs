//! Families that go together: equal columns once, the others in lanes, what lanes can't carry one by one.

use std::collections::HashMap;
use std::ops::Range;

use super::plain::{Plain, Task};
use super::{BranchChanges, FamilyChange, Part, Posteriors};
use crate::kernel::lane_posterior::{self, Categories, Found, Needs, OwnRates, Steps, Tape, Unit};
use crate::kernel::lanes::BLOCK_FAMILIES;
use crate::kernel::rate_program::RateProgram;
use crate::kernel::reference::transitions;
use crate::model::{Rates, Transition};
use crate::states::TipStates;

/// Memory of one worker.
#[derive(Default)]
pub(super) struct Scratch {
    tape: Tape,
    found: Found,
    plain: Option<Plain>,
    row_of: Vec<u32>,
    listed: Vec<FamilyChange>,
}

/// The columns of a unit.
struct Columns<'a> {
    states: &'a TipStates,
    /// The first of them.
    first: usize,
    /// The first family with each.
    representatives: Vec<u32>,
    /// How many families each stands for, padded to whole blocks.
    weights: Vec<f64>,
}

impl Posteriors {
    /// Computes families that start at a multiple of the unit; adds their changes to `sums`.
    pub(super) fn unit<'a>(
        &self,
        families: Range<usize>,
        scratch: &'a mut Scratch,
        sums: &mut Vec<BranchChanges>,
    ) -> Part<'a> {
        let mut representatives = self.share_columns(&families, &mut scratch.row_of);
        // Bringing columns together costs about as much as one in eight of them.
        let selected = if representatives.len() * 8 < families.len() * 7 {
            let unnamed = vec![String::new(); representatives.len()];
            Some(self.states.select_unnamed(&representatives, unnamed))
        } else {
            representatives = families.clone().map(|family| family as u32).collect();
            scratch.row_of = (0..families.len() as u32).collect();
            None
        };
        let mut weights = vec![0.0; representatives.len().next_multiple_of(BLOCK_FAMILIES)];
        scratch.row_of.iter().for_each(|&row| weights[row as usize] += 1.0);
        let columns = Columns {
            states: selected.as_ref().unwrap_or(&self.states),
            first: if selected.is_some() { 0 } else { families.start },
            representatives,
            weights,
        };
        let Scratch { tape, found, .. } = scratch;
        found.left_over.clear();
        found.left_over.resize(columns.representatives.len(), !self.in_lanes);
        let nodes = if self.wanted.changes.is_some() { self.tree.node_count() } else { 0 };
        if self.in_lanes {
            self.lanes(&columns, tape, found);
        } else {
            found.listed.clear();
            found.sums.clear();
            found.sums.resize(nodes, BranchChanges::default());
            let cells = if self.wanted.states { columns.representatives.len() * self.inner.len() } else { 0 };
            found.present.resize(cells, 0.0);
        }
        self.one_by_one(&columns, scratch);
        sums.clone_from(&scratch.found.sums);
        self.in_order(&families, scratch);
        Part {
            families,
            row_of: &scratch.row_of,
            rows: &scratch.found.present,
            width: if self.wanted.states { self.inner.len() } else { 0 },
            listed: &scratch.listed,
        }
    }

    /// Gives every family its column, and every column its first family.
    fn share_columns(&self, families: &Range<usize>, row_of: &mut Vec<u32>) -> Vec<u32> {
        row_of.clear();
        let Some(patterns) = &self.patterns else {
            row_of.extend(0..families.len() as u32);
            return families.clone().map(|family| family as u32).collect();
        };
        let mut known: HashMap<u32, u32> = HashMap::with_capacity(families.len());
        let mut representatives = Vec::with_capacity(families.len());
        for family in families.clone() {
            let row = *known.entry(patterns.of_family[family]).or_insert_with(|| {
                representatives.push(family as u32);
                representatives.len() as u32 - 1
            });
            row_of.push(row);
        }
        representatives
    }

    fn lanes(&self, columns: &Columns<'_>, tape: &mut Tape, found: &mut Found) {
        let own: Vec<(Steps, OwnRates)> = match &self.own {
            None => vec![],
            Some(own) => {
                let of = |&rate: &f64| {
                    let rates: Vec<Rates> =
                        columns.representatives.iter().map(|&family| own[family as usize].scaled(rate)).collect();
                    let (tree, prior) = (&*self.tree, self.parameters.prior);
                    let program = RateProgram::new(tree, columns.states, &self.schedule, &rates, prior);
                    program.degenerate.iter().for_each(|&column| found.left_over[column as usize] = true);
                    (Steps::of_own(&program), OwnRates::new(tree, program))
                };
                self.parameters.categories.iter().map(of).collect()
            }
        };
        let unit = Unit {
            tree: &self.tree,
            states: columns.states,
            first: columns.first,
            count: columns.representatives.len(),
            categories: match &self.common {
                Some(common) => Categories::Same(&common.lanes),
                None => Categories::Own(&own),
            },
            weights: &columns.weights,
            place_of: &self.place_of,
            inner: self.inner.len(),
            needs: Needs { states: self.wanted.states, changes: self.wanted.changes },
        };
        lane_posterior::run(self.set, &unit, tape, found);
    }

    /// What is left over.
    fn one_by_one(&self, columns: &Columns<'_>, scratch: &mut Scratch) {
        let found = &mut scratch.found;
        let width = if self.wanted.states { self.inner.len() } else { 0 };
        for column in (0..columns.representatives.len()).filter(|&column| found.left_over[column]) {
            let plain = scratch.plain.get_or_insert_with(|| Plain::new(&self.tree, self.wanted.changes.is_some()));
            let family = columns.representatives[column] as usize;
            let own: Vec<(Rates, Vec<Transition>)>;
            let categories = match (&self.common, &self.own) {
                (Some(common), _) => &common.rates,
                (None, rates) => {
                    let rates = rates.as_ref().map_or(Rates { gain: 0.0, loss: 0.0 }, |rates| rates[family]);
                    let scaled = self.parameters.categories.iter().map(|&rate| rates.scaled(rate));
                    own = scaled.map(|rates| (rates, transitions(&self.tree, rates))).collect();
                    &own
                }
            };
            let task = Task {
                tree: &self.tree,
                states: columns.states,
                column: columns.first + column,
                family: column as u32,
                parameters: &self.parameters,
                categories,
                inner: &self.inner,
                least: self.wanted.changes,
            };
            let row = &mut found.present[column * width..(column + 1) * width];
            if let Some(changes) = plain.family(&task, row, &mut found.listed) {
                let weight = columns.weights[column];
                found.sums.iter_mut().zip(changes).for_each(|(sum, own)| sum.add(weight, own));
            }
        }
    }

    /// From changes of columns, by block, to those of families, by node and family.
    fn in_order(&self, families: &Range<usize>, scratch: &mut Scratch) {
        let Scratch { found, row_of, listed, .. } = scratch;
        listed.clear();
        if found.listed.is_empty() {
            return;
        }
        // The families of every column, one column after the other.
        let columns = found.left_over.len();
        let mut starts = vec![0u32; columns + 1];
        row_of.iter().for_each(|&row| starts[row as usize + 1] += 1);
        (0..columns).for_each(|column| starts[column + 1] += starts[column]);
        let mut next = starts.clone();
        let mut members = vec![0u32; row_of.len()];
        for (&row, family) in row_of.iter().zip(families.start as u32..) {
            members[next[row as usize] as usize] = family;
            next[row as usize] += 1;
        }
        let of = |column: u32| &members[starts[column as usize] as usize..starts[column as usize + 1] as usize];
        let mut places = vec![0u32; self.tree.node_count() + 1];
        found.listed.iter().for_each(|it| places[it.node as usize + 1] += of(it.family).len() as u32);
        (1..places.len()).for_each(|node| places[node] += places[node - 1]);
        let ends = places.clone();
        let none = FamilyChange { node: 0, family: 0, gain: 0.0, loss: 0.0 };
        listed.resize(places[places.len() - 1] as usize, none);
        for change in &found.listed {
            let place = &mut places[change.node as usize];
            for &family in of(change.family) {
                listed[*place as usize] = FamilyChange { family, ..*change };
                *place += 1;
            }
        }
        for ends in ends.windows(2) {
            let own = &mut listed[ends[0] as usize..ends[1] as usize];
            if !own.is_sorted_by_key(|change| change.family) {
                own.sort_unstable_by_key(|change| change.family);
            }
        }
    }
}
