//! Values, rates per family, categories and gradients against answers of 50 digits.
#![allow(clippy::unwrap_used)]

mod common;

use common::{assert_close, own_data, read_set, set_folders, shared_golden, values};
use scaletune_prune_core::kernel::InstructionSet;
use scaletune_prune_core::plan::Kernel;

fn check_all(root: &std::path::Path) {
    for folder in set_folders(root) {
        let set = read_set(&folder);
        for instructions in InstructionSet::available() {
            for kernel in Kernel::ALL {
                let what = format!("{} {} {}", set.name, kernel.name(), instructions.name());
                let found = values(&set, kernel, instructions, 1, 4096);
                assert_close(&found, &set.expected, 1e-10, &what);
            }
        }
    }
}

#[test]
fn own_sets_under_every_kernel() {
    check_all(&own_data());
}

#[test]
fn shared_sets_under_every_kernel() {
    if let Some(root) = shared_golden() {
        check_all(&root);
    }
}

mod model {
    use std::sync::Arc;

    use super::common::{Set, assert_close, read_set, shared_golden};
    use scaletune_prune_core::fit::{FitOptions, Group, ParameterPrior, fit};
    use scaletune_prune_core::kernel::evaluator::{Rating, Workers};
    use scaletune_prune_core::likelihood::{Ascertainment, Likelihood, Parameters, total};
    use scaletune_prune_core::model::gamma::category_rates;
    use scaletune_prune_core::model::{Rates, RootPrior};
    use scaletune_prune_core::monitor::Unwatched;
    use scaletune_prune_core::plan::{Kernel, Plan};
    use scaletune_prune_core::retention;
    use serde_json::Value;

    fn likelihood(set: &Set, ascertainment: Ascertainment, kernel: Kernel) -> Likelihood {
        let plan = Plan { kernel, ..Plan::default() };
        let workers = Arc::new(Workers::new(1).unwrap());
        Likelihood::new(&set.tree, &set.states, None, ascertainment, plan, &workers).unwrap()
    }

    fn parameters(rates: Rates, categories: Vec<f64>) -> Parameters {
        Parameters { rating: Rating::Same(rates), prior: RootPrior::Stationary, categories }
    }

    fn number(value: &Value) -> f64 {
        value.as_str().map_or_else(|| value.as_f64().unwrap(), |text| text.parse().unwrap())
    }

    fn json(path: &std::path::Path) -> Value {
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    fn relative(found: f64, expected: f64, tolerance: f64, what: &str) {
        assert!((found - expected).abs() <= tolerance * expected.abs(), "{what}: {found:?} instead of {expected:?}");
    }

    #[test]
    fn gradients_and_ascertainment() {
        let Some(root) = shared_golden() else { return };
        let extra = json(&root.join("extra.json"));
        let medium = &extra["medium_50x500_global"];
        let set = read_set(&root.join("medium_50x500_global"));
        let rates = Rates { gain: number(&medium["gain"]), loss: number(&medium["loss"]) };
        let here = parameters(rates, vec![1.0]);
        for kernel in Kernel::ALL {
            let plain = likelihood(&set, Ascertainment::None, kernel);
            let slope = plain.slope(&here, &Unwatched).unwrap();
            assert_close(&slope.values, &set.expected, 1e-10, kernel.name());
            relative(slope.gain, number(&medium["dlogL_dgain"]), 1e-8, "by gain");
            relative(slope.loss, number(&medium["dlogL_dloss"]), 1e-8, "by loss");
            let conditioned = likelihood(&set, Ascertainment::AbsentUnseen, kernel).values(&here, &Unwatched).unwrap();
            let term = number(&medium["asc_term_per_family_ln_1_minus_P0"]);
            for (c, p) in conditioned.iter().zip(&slope.values) {
                relative(*c, p - term, 1e-12, "ascertainment");
            }
        }
        let set = read_set(&root.join("tiny_8_random"));
        let family = set.states.families().iter().position(|f| f == "fam6").unwrap();
        let rates = set.rates[family];
        let one = Set { states: Arc::new(set.states.select(&[family as u32])), ..set };
        let labels = one.tree.labels();
        for kernel in Kernel::ALL {
            let slope =
                likelihood(&one, Ascertainment::None, kernel).slope(&parameters(rates, vec![1.0]), &Unwatched).unwrap();
            for (node, branch) in extra["tiny_8_random:fam6:branches_postorder"].as_array().unwrap().iter().enumerate()
            {
                assert_eq!(labels[node], branch["child"].as_str().unwrap());
                relative(slope.lengths[node], number(&branch["dlogL_dt"]), 1e-8, &labels[node]);
            }
        }
    }

    #[test]
    fn gamma_categories() {
        let Some(root) = shared_golden() else { return };
        let extra = json(&root.join("extra.json"));
        let gamma = &extra["gamma4"];
        let rates = category_rates(4, 0.7).unwrap();
        for (found, expected) in rates.iter().zip(gamma["rates"].as_array().unwrap()) {
            relative(*found, number(expected), 1e-13, "category rate");
        }
        let folder = root.join("medium_50x500_global");
        let set = read_set(&folder);
        let text = std::fs::read_to_string(folder.join("expected_gamma4_alpha0.7.tsv")).unwrap();
        let lines = text.lines().filter(|l| l.starts_with("fam") && !l.starts_with("family"));
        let expected: Vec<f64> = lines.map(|l| l.split('\t').nth(1).unwrap().parse().unwrap()).collect();
        let here = parameters(set.same_rates().unwrap(), rates);
        for kernel in Kernel::ALL {
            let found = likelihood(&set, Ascertainment::None, kernel).values(&here, &Unwatched).unwrap();
            assert_close(&found, &expected, 1e-10, kernel.name());
            relative(total(&found).0, number(&gamma["total"]), 1e-12, "total");
        }
    }

    fn check_fit(found: &scaletune_prune_core::fit::Fit, expected: &Value, what: &str) {
        relative(found.gain, number(&expected["gain"]), 1e-6, what);
        relative(found.loss, number(&expected["loss"]), 1e-6, what);
        assert!(found.converged && found.at_bound.is_empty(), "{what}: {found:?}");
        let se = &expected["se"];
        relative(found.standard_errors.log_gain.unwrap(), number(&se[0]), 1e-6, what);
        relative(found.standard_errors.log_loss.unwrap(), number(&se[1]), 1e-6, what);
        if !expected["theta"].is_null() {
            relative(found.theta.unwrap(), number(&expected["theta"]), 1e-6, what);
            relative(found.standard_errors.theta.unwrap(), number(&se[2]), 1e-6, what);
        }
    }

    #[test]
    fn optima() {
        let Some(root) = shared_golden() else { return };
        let expected = json(&root.join("mlfit.json"));
        for (name, ascertainment, prior) in [
            ("null_ml_medium", Ascertainment::None, ParameterPrior::None),
            ("null_map_medium_upstream_prior", Ascertainment::None, ParameterPrior::Normal),
            ("null_ml_asc_medium", Ascertainment::AbsentUnseen, ParameterPrior::None),
            ("retention_null_ml", Ascertainment::None, ParameterPrior::None),
            ("retention_null_map", Ascertainment::None, ParameterPrior::Normal),
        ] {
            let expected = &expected[name];
            let set = read_set(&root.join(expected["dataset"].as_str().unwrap()));
            let likelihood = likelihood(&set, ascertainment, Kernel::Auto);
            let options = FitOptions { prior, ..FitOptions::default() };
            let group = [Group { likelihood: &likelihood, tilted: false }];
            let found = fit(&group, &options, &Unwatched).unwrap();
            check_fit(&found, expected, name);
            let objective = number(&expected["objective"]);
            assert!((found.objective - objective).abs() < 1e-8, "{name}: {} {objective}", found.objective);
            eprintln!("{name}: {} evaluations, gradient {:.1e}", found.evaluations, found.gradient_norm);
        }
    }

    #[test]
    fn retention_of_the_first_hundred() {
        let Some(root) = shared_golden() else { return };
        let expected = json(&root.join("mlfit.json"));
        let set = read_set(&root.join("retention_50x500"));
        let retained: Vec<u32> = (0..100).collect();
        let rest: Vec<u32> = (100..500).collect();
        let part = |families: &[u32]| Set {
            states: Arc::new(set.states.select(families)),
            tree: set.tree.clone(),
            name: String::new(),
            rates: vec![],
            expected: vec![],
        };
        let (inside, outside) = (part(&retained), part(&rest));
        let inside = likelihood(&inside, Ascertainment::None, Kernel::Auto);
        let outside = likelihood(&outside, Ascertainment::None, Kernel::Auto);
        let groups = [Group { likelihood: &outside, tilted: false }, Group { likelihood: &inside, tilted: true }];
        let found = fit(&groups, &FitOptions::default(), &Unwatched).unwrap();
        check_fit(&found, &expected["retention_alt_ml"], "alternative");
        assert!((found.objective - number(&expected["retention_alt_ml"]["objective"])).abs() < 1e-8);
        let options = FitOptions { prior: ParameterPrior::Normal, ..FitOptions::default() };
        let found = fit(&groups, &options, &Unwatched).unwrap();
        check_fit(&found, &expected["retention_alt_map"], "alternative with prior");
        // The golden objective keeps the normal constant of theta's prior: ln 2 + ln(2 pi) / 2.
        let constant = std::f64::consts::LN_2 + 0.5 * (2.0 * std::f64::consts::PI).ln();
        let objective = number(&expected["retention_alt_map"]["objective"]) + constant;
        assert!((found.objective - objective).abs() < 1e-8, "{} {objective}", found.objective);

        let all = likelihood(&set, Ascertainment::None, Kernel::Auto);
        let options = FitOptions::default();
        let null = fit(&[Group { likelihood: &all, tilted: false }], &options, &Unwatched).unwrap();
        let workers = Arc::new(Workers::new(1).unwrap());
        let input = retention::RetentionInput {
            tree: &set.tree,
            states: &set.states,
            ascertainment: Ascertainment::None,
            plan: Plan::default(),
            workers: &workers,
            options: &options,
            null: &null,
        };
        let sets = [retention::FamilySet { name: "first".to_owned(), families: retained }];
        let tests = retention::test(&input, &sets, &Unwatched).unwrap();
        relative(tests[0].statistic, number(&expected["retention_lrt"]["statistic"]), 1e-9, "statistic");
        relative(tests[0].p, number(&expected["retention_lrt"]["p"]), 1e-6, "p");
        assert_eq!(tests[0].p, tests[0].q);
    }
}
