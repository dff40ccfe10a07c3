//! The same iterates as the other exact solvers, computed by connected components: each with its own small column
//! tables, all in lockstep, with the global constants and one global stop test. A component whose parameters did not
//! change by a single bit is not computed again.
//!
//! The column of fragments that hit no locus touches most components. It is the hub: its shares are listed row by row
//! and added in row order, so that it neither joins components nor depends on how they are cut.

use super::EStep;
use super::components::{Components, HUB};
use super::packed::{Cut, Packed, ambiguous_rows};
use crate::matrix::{Index, MatrixView, with_view};
use crate::model::Model;
use crate::{EmError, Monitor, Workers};

pub(super) fn build<'a>(model: &'a Model<'a>, workers: &'a Workers) -> Box<dyn EStep + 'a> {
    build_cut(model, workers, Cut::of(model.matrix))
}

/// As [`build`], with chunks of another size.
pub(super) fn build_cut<'a>(model: &'a Model<'a>, workers: &'a Workers, cut: Cut) -> Box<dyn EStep + 'a> {
    with_view!(model.matrix, view => Box::new(Blocked::new(model, view, workers, cut)) as Box<dyn EStep + 'a>)
}

struct Blocked<'a, C, R> {
    model: &'a Model<'a>,
    blocks: Vec<Block<C, R>>,
    tasks: Vec<Task>,
    /// Where the hub's share of each row lies, in row order.
    hub_places: Vec<HubPlace>,
    workers: &'a Workers,
}

/// Rows of one or several components, with columns numbered from 1; 0 is the hub.
struct Block<C, R> {
    packed: Packed<C, R>,
    /// Matrix column of each of the block's columns; the first is the hub.
    columns: Vec<u32>,
    /// Whether a row of the block hits the hub.
    hub: bool,
    /// pi theta of the block's columns, as last computed with.
    product: Vec<f64>,
    changed: bool,
}

/// One chunk of one block, with its results.
struct Task {
    block: usize,
    chunk: usize,
    sums: Vec<f64>,
    hub: Vec<f64>,
}

#[derive(Clone, Copy)]
struct HubPlace {
    row: u32,
    task: u32,
    at: u32,
}

impl<'a, C: Index, R: Index> Blocked<'a, C, R> {
    fn new(model: &'a Model<'a>, view: MatrixView<'a, C, R>, workers: &'a Workers, cut: Cut) -> Self {
        let features = model.matrix.features();
        let rows = ambiguous_rows(view);
        let plan = BlockPlan::new(view, &rows, features, cut.block_entries);
        let mut solver = Self { model, blocks: Vec::new(), tasks: Vec::new(), hub_places: Vec::new(), workers };
        for (rows, columns) in plan.rows.into_iter().zip(plan.columns) {
            let cut = cut.within(columns.len(), features);
            let place = |column: usize| (plan.place[column] as usize, column == HUB);
            let tables = [columns.len(), model.weights.len()];
            let (packed, rows) = Packed::<C, R>::new(view, rows, cut, place, tables);
            solver.add_block(view, packed, columns, &rows);
        }
        solver.hub_places.sort_unstable_by_key(|place| place.row);
        solver
    }

    fn add_block(&mut self, view: MatrixView<'_, C, R>, packed: Packed<C, R>, columns: Vec<u32>, rows: &[u32]) {
        let mut next_row = rows.iter();
        let mut hub = false;
        for chunk in 0..packed.chunks() {
            let mut at = 0;
            for &row in next_row.by_ref().take(packed.chunk_rows(chunk)) {
                if view.row(row as usize).0[0].at() == HUB {
                    self.hub_places.push(HubPlace { row, task: self.tasks.len() as u32, at });
                    at += 1;
                }
            }
            hub |= at > 0;
            let sums = vec![0.0; columns.len()];
            self.tasks.push(Task { block: self.blocks.len(), chunk, sums, hub: Vec::with_capacity(at as usize) });
        }
        self.blocks.push(Block { packed, product: vec![f64::NAN; columns.len()], columns, hub, changed: true });
    }
}

impl<C: Index, R: Index> EStep for Blocked<'_, C, R> {
    fn column_sums(&mut self, product: &[f64], sums: &mut [f64], monitor: &dyn Monitor) -> Result<(), EmError> {
        for block in &mut self.blocks {
            block.changed = false;
            let skipped = usize::from(!block.hub);
            for (own, &column) in block.product.iter_mut().zip(&block.columns).skip(skipped) {
                let new = product[column as usize];
                block.changed |= new.to_bits() != own.to_bits();
                *own = new;
            }
        }
        let (blocks, weights) = (&self.blocks, &self.model.weights);
        self.workers.for_each(monitor, "em", &mut self.tasks, |_, task| {
            let block = &blocks[task.block];
            if block.changed {
                task.sums.fill(0.0);
                task.hub.clear();
                block.packed.add_chunk(task.chunk, weights, &block.product, &mut task.sums, &mut task.hub);
            }
        })?;
        sums.fill(0.0);
        for task in &self.tasks {
            for (&column, own) in blocks[task.block].columns.iter().zip(&task.sums).skip(1) {
                sums[column as usize] += own;
            }
        }
        sums[HUB] =
            self.hub_places.iter().fold(0.0, |sum, place| sum + self.tasks[place.task as usize].hub[place.at as usize]);
        Ok(())
    }
}

/// Which rows and columns belong to which block.
struct BlockPlan {
    rows: Vec<Vec<u32>>,
    columns: Vec<Vec<u32>>,
    /// Number of each matrix column within its block.
    place: Vec<u32>,
}

impl BlockPlan {
    fn new<C: Index, R: Index>(
        view: MatrixView<'_, C, R>,
        rows: &[u32],
        features: usize,
        block_entries: usize,
    ) -> Self {
        let components = Components::of_view(view, features);
        // Ambiguous rows hit at least one column besides the hub.
        let component_of = |row: u32| {
            let (columns, _) = view.row(row as usize);
            columns.iter().find_map(|column| components.of_column[column.at()])
        };
        let mut entries = vec![0; components.count];
        for &row in rows {
            if let Some(component) = component_of(row) {
                entries[component as usize] += view.row(row as usize).0.len();
            }
        }
        let mut block_of = Vec::with_capacity(components.count);
        let (mut blocks, mut filled) = (0_usize, block_entries);
        for count in entries {
            if filled >= block_entries || count >= block_entries {
                blocks += 1;
                filled = 0;
            }
            filled += count;
            block_of.push(blocks - 1);
        }
        let mut plan =
            Self { rows: vec![Vec::new(); blocks], columns: vec![vec![HUB as u32]; blocks], place: vec![0; features] };
        for &row in rows {
            if let Some(component) = component_of(row) {
                plan.rows[block_of[component as usize]].push(row);
            }
        }
        for (column, component) in components.of_column.iter().enumerate() {
            if let Some(component) = component {
                let own = &mut plan.columns[block_of[*component as usize]];
                plan.place[column] = own.len() as u32;
                own.push(column as u32);
            }
        }
        plan
    }
}
