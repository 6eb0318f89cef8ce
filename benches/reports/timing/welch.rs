//! Whether two sets of samples have the same mean: Welch's t-test, as dudect uses it (Reparaz,
//! Balasch, Verbauwhede: Dude, is my code constant time?, 2017).

/// The samples of one class so far, by Welford's method.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Samples {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Samples {
    pub(crate) fn push(&mut self, sample: f64) {
        self.count += 1.0;
        let from_old = sample - self.mean;
        self.mean += from_old / self.count;
        self.squares += from_old * (sample - self.mean);
    }

    pub(crate) const fn mean(&self) -> f64 {
        self.mean
    }

    fn variance_of_mean(&self) -> f64 {
        self.squares / (self.count - 1.0) / self.count
    }

    /// How many standard errors the mean of `other` is above this one.
    pub(crate) fn t(&self, other: &Self) -> f64 {
        let variance = self.variance_of_mean() + other.variance_of_mean();
        (other.mean - self.mean) / variance.sqrt()
    }
}

impl FromIterator<f64> for Samples {
    fn from_iter<I: IntoIterator<Item = f64>>(samples: I) -> Self {
        samples
            .into_iter()
            .fold(Self::default(), |mut all, sample| {
                all.push(sample);
                all
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_is_the_difference_in_standard_errors() {
        // Means 2 and 5, variances 1 and 4, three samples each: 3 / sqrt(1/3 + 4/3).
        let a: Samples = [1.0, 2.0, 3.0].into_iter().collect();
        let b: Samples = [3.0, 5.0, 7.0].into_iter().collect();
        assert!((a.t(&b) - 3.0 / (5.0f64 / 3.0).sqrt()).abs() < 1e-12);
        assert!((b.t(&a) + a.t(&b)).abs() < 1e-12);
    }
}
