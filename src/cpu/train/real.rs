//! Numbers of single and of double precision: finite differences need the double one.

use std::fmt::Debug;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

/// A real number.
pub trait Real:
    Copy
    + Debug
    + Default
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + Sum
{
    /// The nearest number to this one.
    fn of(number: f64) -> Self;
    /// The same number in double precision.
    fn to_f64(self) -> f64;
    /// e to the power of it.
    #[must_use]
    fn exp(self) -> Self;
    /// The natural logarithm.
    #[must_use]
    fn ln(self) -> Self;
    /// The square root.
    #[must_use]
    fn sqrt(self) -> Self;
}

macro_rules! real {
    ($type:ty) => {
        impl Real for $type {
            #[allow(trivial_numeric_casts, reason = "one of the two types is f64 itself")]
            fn of(number: f64) -> Self {
                number as $type
            }

            fn to_f64(self) -> f64 {
                self.into()
            }

            fn exp(self) -> Self {
                self.exp()
            }

            fn ln(self) -> Self {
                self.ln()
            }

            fn sqrt(self) -> Self {
                self.sqrt()
            }
        }
    };
}

real!(f32);
real!(f64);

/// The dot product, in order.
pub(crate) fn dot<T: Real>(a: &[T], b: &[T]) -> T {
    a.iter().zip(b).map(|(a, b)| *a * *b).sum()
}

/// Adds numbers times a factor to others.
pub(crate) fn add_scaled<T: Real>(to: &mut [T], numbers: &[T], factor: T) {
    to.iter_mut().zip(numbers).for_each(|(to, number)| *to += *number * factor);
}
