//! Inputs and plans of the contract, as the core's own types.

use scaletune_prune_core::fit::ParameterPrior;
use scaletune_prune_core::likelihood::Ascertainment;
use scaletune_prune_core::model::{Rates, RootPrior};
use scaletune_prune_core::naming::Matching;
use scaletune_prune_core::newick::{MissingLengths, NegativeLengths, TreeChoice};
use scaletune_prune_core::plan::{Kernel, Plan as PrunePlan};
use scaletune_prune_core::session::{Digits, GammaChoice, RateSource, Request, RootChoice, StatesForm};
use scaletune_sdk::{Error, Inputs, Plan, TypedInputs, TypedPlan};
use std::num::NonZeroU32;

/// The core's request. `inputs` is checked against the descriptor.
///
/// # Errors
/// Inputs that do not go together.
pub fn request(inputs: &Inputs) -> Result<Request, Error> {
    let mut request = Request::new(inputs.needed_path("tree")?, inputs.needed_path("matrix")?, rates(inputs)?);
    if let Some(length) = inputs.float("missing-length") {
        request.tree_options.missing = MissingLengths::Use(length);
    }
    if inputs.text("negative-branches") == Some("zero") {
        request.tree_options.negative = NegativeLengths::Zero;
    }
    request.trees = match inputs.text("trees") {
        Some("all") => TreeChoice::All,
        Some("first") => TreeChoice::First,
        _ => TreeChoice::Only,
    };
    request.matching = match inputs.text("match") {
        Some("newick") => Matching::Newick,
        Some("prefix") => Matching::Prefix,
        _ => Matching::Exact,
    };
    request.tree_options.blanks = request.matching == Matching::Newick;
    let least = inputs.integer("present-from").and_then(|least| u32::try_from(least).ok());
    request.matrix_options.present_from = least.and_then(NonZeroU32::new);
    request.root = root(inputs.text("root-prior").unwrap_or("stationary"))?;
    request.gamma = gamma(inputs)?;
    if inputs.text("ascertainment") == Some("absent") {
        request.ascertainment = Ascertainment::AbsentUnseen;
    }
    request.retention = inputs.path("retention");
    request.ancestral = inputs.flag("ancestral");
    request.branches = inputs.flag("branches");
    happened(inputs, &mut request)?;
    Ok(request)
}

/// How states and changes are written; what would change nothing is refused.
fn happened(inputs: &Inputs, request: &mut Request) -> Result<(), Error> {
    request.form.states = match inputs.text("ancestral-format") {
        Some("npy") => StatesForm::Npy,
        Some("tsv.gz") => StatesForm::TsvGz,
        _ => StatesForm::Tsv,
    };
    if request.form.states != StatesForm::Tsv && !request.ancestral {
        return Err(Error::bad_input("--ancestral-format is of the states at inner nodes: give --ancestral"));
    }
    if let Some(digits) = inputs.text("digits") {
        if !(request.ancestral || request.branches) {
            return Err(Error::bad_input(
                "--digits is of states and changes: give --ancestral or --branches (other tables are exact)",
            ));
        }
        let digits = digits.parse::<Digits>();
        request.form.digits = digits.map_err(|error| Error::bad_input(format!("input `digits`: {error}")))?;
    }
    if let Some(least) = inputs.float("min-expected") {
        if !request.branches {
            return Err(Error::bad_input("--min-expected is of families' changes on branches: give --branches"));
        }
        request.min_expected = least;
    }
    Ok(())
}

/// Exactly one source of rates.
fn rates(inputs: &Inputs) -> Result<RateSource, Error> {
    let pair = match (inputs.float("gain"), inputs.float("loss")) {
        (Some(gain), Some(loss)) => Some(Rates::new(gain, loss).map_err(|error| Error::bad_input(error.to_string()))?),
        (None, None) => None,
        _ => return Err(Error::bad_input("--gain and --loss belong together: give both")),
    };
    let normal = inputs.text("prior") == Some("normal");
    if normal && !inputs.flag("fit") {
        return Err(Error::bad_input("--prior is on fitted rates: give --fit"));
    }
    match (inputs.flag("fit"), inputs.path("rates"), pair) {
        (true, None, start) => {
            let prior = if normal { ParameterPrior::Normal } else { ParameterPrior::None };
            Ok(RateSource::Fit { prior, start })
        }
        (false, Some(table), None) => Ok(RateSource::Table(table)),
        (false, None, Some(rates)) => Ok(RateSource::Global(rates)),
        (false, None, None) => Err(Error::bad_input("there are no rates: give --gain and --loss, --rates, or --fit")),
        _ => Err(Error::bad_input("--rates excludes --fit, --gain and --loss: give one of them")),
    }
}

fn root(text: &str) -> Result<RootChoice, Error> {
    let wrong =
        || Error::bad_input(format!("input `root-prior`: `{text}` is not stationary, fit, or two probabilities P0,P1"));
    Ok(match text {
        "stationary" => RootChoice::Given(RootPrior::Stationary),
        "fit" => RootChoice::Fit,
        _ => {
            let (absent, present) = text.split_once(',').ok_or_else(wrong)?;
            let number = |text: &str| text.trim().parse::<f64>().map_err(|_| wrong());
            let prior = RootPrior::fixed(number(absent)?, number(present)?);
            RootChoice::Given(prior.map_err(|error| Error::bad_input(format!("input `root-prior`: {error}")))?)
        }
    })
}

fn gamma(inputs: &Inputs) -> Result<Option<GammaChoice>, Error> {
    let categories = inputs.integer("gamma-categories").map(|categories| categories.unsigned_abs() as usize);
    match (categories, inputs.text("gamma-shape")) {
        (None, None) => Ok(None),
        (Some(categories), Some("fit")) => Ok(Some(GammaChoice { categories, shape: None })),
        (Some(categories), Some(text)) => match text.parse::<f64>() {
            Ok(shape) if shape > 0.0 && shape.is_finite() => Ok(Some(GammaChoice { categories, shape: Some(shape) })),
            _ => Err(Error::bad_input(format!("input `gamma-shape`: `{text}` is neither a positive number nor `fit`"))),
        },
        _ => Err(Error::bad_input("--gamma-categories and --gamma-shape belong together: give both")),
    }
}

/// The core's plan.
///
/// # Errors
/// The plan lacks an axis, or has a value that the engine does not know.
pub fn plan(plan: &Plan) -> Result<PrunePlan, Error> {
    let kernel = plan.word("kernel").unwrap_or_default().parse::<Kernel>();
    Ok(PrunePlan {
        kernel: kernel.map_err(|error| Error::unsupported_plan(error.to_string()))?,
        chunk: plan.count("chunk")?,
        workers: plan.count("workers")?,
    })
}
