//! What a user hears of a fit whose figures can't be relied on.

use super::Fit;

/// A standard error of a logarithm from which on nothing is known of the rate: two of them on either side span a factor
/// of 160,000.
const VAGUE: f64 = 3.0;

impl Fit {
    /// A sentence for each parameter that ended at a bound or is not identified, or for a fit that did not converge.
    pub fn warnings(&self) -> Vec<String> {
        let mut told: Vec<String> = self.at_bound.iter().filter_map(|name| self.ended(name)).collect();
        told.extend(self.unidentified());
        if !self.converged && told.is_empty() {
            let norm = self.gradient_norm;
            told.push(format!(
                "it did not converge in {} evaluations (the gradient is {norm:.1e}, or the curvature is not that of a \
                 maximum): do not rely on the rates; --prior normal, or --gain and --loss as another start, may help",
                self.evaluations
            ));
        }
        told
    }

    /// Parameters about which the data say next to nothing.
    fn unidentified(&self) -> Option<String> {
        let errors = &self.standard_errors;
        let logarithms = [("gain", errors.log_gain), ("loss", errors.log_loss), ("theta", errors.theta)];
        let vague: Vec<String> = logarithms
            .into_iter()
            .filter_map(|(name, error)| error.filter(|&error| error > VAGUE).map(|error| (name, error)))
            .map(|(name, error)| match name {
                "theta" => format!("theta (standard error {error:.3e})"),
                _ => format!("{name} (standard error of its logarithm {error:.3e})"),
            })
            .collect();
        (!vague.is_empty()).then(|| {
            format!(
                "the data do not identify {}: the {} is nearly flat there, and other values fit as well; add families \
                 or taxa, fit with --prior normal, or give the rates",
                vague.join(" and "),
                self.maximised()
            )
        })
    }

    /// What the fit maximises.
    fn maximised(&self) -> &'static str {
        if self.method == "maximum likelihood" { "likelihood" } else { "posterior" }
    }

    fn ended(&self, name: &str) -> Option<String> {
        // The bounds of each lie on either side of this middle.
        let (what, value, middle) = match name {
            "log_gain" => ("gain", self.gain, 1.0),
            "log_loss" => ("loss", self.loss, 1.0),
            "theta" => ("theta", self.theta?, 0.0),
            "root_present" => ("the root's probability of presence", self.root_present?, 0.5),
            "gamma_shape" => ("the gamma shape", self.gamma_shape?, 1.0),
            _ => return None,
        };
        let side = if value < middle { "lower" } else { "upper" };
        let function = self.maximised();
        Some(format!(
            "{what} ended at its {side} bound, {value:.1e}: the {function} does not fall towards it, so that these data \
             hold no estimate of it, and no standard error"
        ))
    }
}
