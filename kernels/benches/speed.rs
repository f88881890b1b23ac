//! Times of products and functions: `cargo bench -p nnc-kernels -- [products|functions] [avx512|avx2|portable]`, best on one core that
//! is otherwise idle (`taskset -c 1`).

use nnc_kernels::*;
use std::hint::black_box;
use std::time::Instant;

/// Nanoseconds a call takes: the least of samples of about 0.5 ms.
fn time(mut f: impl FnMut()) -> f64 {
    let start = Instant::now();
    f();
    f();
    let one = (start.elapsed().as_secs_f64() / 2.0).max(1e-9);
    let n = ((0.0005 / one) as usize).max(1);
    let mut least = f64::INFINITY;
    let begin = Instant::now();
    while begin.elapsed().as_secs_f64() < 0.15 {
        let t = Instant::now();
        for _ in 0..n {
            f();
        }
        least = least.min(t.elapsed().as_secs_f64() / n as f64 * 1e9);
    }
    least
}

/// `n` numbers in [-1/2, 1/2) on a cache line.
fn numbers<T: Element>(n: usize) -> &'static mut [T] {
    let x = &mut Lane::flat_mut(vec![Lane::ZERO; lanes::<T>(n)].leak())[..n];
    for (i, x) in x.iter_mut().enumerate() {
        *x = T::from_f64(uniform(1, 0, 0, i as u64) - 0.5);
    }
    x
}

fn report<T>(name: &str, m: usize, n: usize, k: usize, t: f64) {
    let t_name = if size_of::<T>() == 4 { "f32" } else { "f64" };
    println!("{name:6} {t_name} ({m:5},{n:5},{k:5}) {t:10.1} ns {:6.1} GF/s", 2.0 * (m * n * k) as f64 / t);
}

fn forward<S: Isa, T: Element, const K: usize, const N: usize>(s: S, m: usize) {
    let (a, b, c, bias) = (numbers::<T>(m * K), numbers::<T>(K * N), numbers::<T>(m * N), numbers::<T>(N));
    let t = time(|| {
        nn(
            s,
            rows::<T, [T; K]>(black_box(a)),
            array::<T, [[T; N]; K]>(b),
            rows_mut::<T, [T; N]>(black_box(c)),
            #[inline(always)]
            |z, at| (z + at.col(bias)).relu(),
        )
    });
    report::<T>("nn", m, N, K, t);
}

fn wide<S: Isa, T: Element, const K: usize, const N: usize>(s: S, m: usize) {
    let (a, b, c, bias) = (numbers::<T>(m * K), numbers::<T>(K * N), numbers::<T>(m * N), numbers::<T>(N));
    let lines = vec![Lane::ZERO; panel::<T>(K)].leak();
    let t = time(|| {
        nn_wide(
            s,
            rows::<T, [T; K]>(black_box(a)),
            array::<T, [[T; N]; K]>(b),
            rows_mut::<T, [T; N]>(black_box(c)),
            lines,
            #[inline(always)]
            |z, at| (z + at.col(bias)).relu(),
        )
    });
    report::<T>("wide", m, N, K, t);
}

fn back<S: Isa, T: Element, const K: usize, const N: usize>(s: S, m: usize) {
    let (a, b, c, y) = (numbers::<T>(m * K), numbers::<T>(K * N), numbers::<T>(m * N), numbers::<T>(m * N));
    let lines = vec![Lane::ZERO; panel::<T>(K)].leak();
    let t = time(|| {
        nt(
            s,
            rows::<T, [T; K]>(black_box(a)),
            array::<T, [[T; K]; N]>(b),
            rows_mut::<T, [T; N]>(black_box(c)),
            lines,
            #[inline(always)]
            |z, at| at.of(rows::<T, [T; N]>(y)).if_gt(s.splat(T::ZERO), z, s.splat(T::ZERO)),
        )
    });
    report::<T>("nt", m, N, K, t);
}

fn weights<S: Isa, T: Element, const M: usize, const N: usize>(s: S, k: usize) {
    let (a, b, c) = (numbers::<T>(k * M), numbers::<T>(k * N), numbers::<T>(M * N));
    let t = time(|| tn(s, rows::<T, [T; M]>(black_box(a)), rows::<T, [T; N]>(b), array_mut::<T, [[T; N]; M]>(black_box(c))));
    report::<T>("tn", M, N, k, t);
}

/// `nn` with run-time sizes.
fn any<S: Isa, T: Element>(s: S, m: usize, n: usize, k: usize) {
    let (a, b, c, bias) = (numbers::<T>(m * k), numbers::<T>(k * n), numbers::<T>(m * n), numbers::<T>(n));
    let t = time(|| {
        nn(
            s,
            Dyn::new(black_box(a), k),
            Dyn::new(b, n),
            DynMut::new(black_box(c), n),
            #[inline(always)]
            |z, at| (z + at.col(bias)).relu(),
        )
    });
    report::<T>("Dyn nn", m, n, k, t);
}

fn products<S: Isa>(s: S) {
    forward::<S, f32, 784, 256>(s, 128);
    forward::<S, f32, 256, 128>(s, 128);
    forward::<S, f32, 128, 10>(s, 128);
    weights::<S, f32, 784, 256>(s, 128);
    weights::<S, f32, 256, 128>(s, 128);
    weights::<S, f32, 128, 10>(s, 128);
    back::<S, f32, 128, 256>(s, 128);
    back::<S, f32, 10, 128>(s, 128);
    forward::<S, f32, 784, 128>(s, 1);
    forward::<S, f32, 4, 16>(s, 32);
    forward::<S, f32, 16, 3>(s, 32);
    wide::<S, f32, 1024, 2048>(s, 256);
    any::<S, f32>(s, 128, 256, 784);
    any::<S, f32>(s, 128, 10, 128);
    forward::<S, f64, 784, 256>(s, 128);
    weights::<S, f64, 784, 256>(s, 128);
    back::<S, f64, 128, 256>(s, 128);
}

fn functions<S: Isa>(s: S) {
    let (x, y) = (numbers::<f32>(4096), numbers::<f32>(4096));
    x.iter_mut().for_each(|x| *x *= 8.0);
    macro_rules! each {
        ($($f:ident)*) => {$(
            let t = time(|| {
                let (x, y) = (black_box(&*x), black_box(&mut *y));
                s.vectorize(
                    #[inline(always)]
                    || {
                        for (y, x) in y.iter_mut().zip(x) {
                            *y = $f(s, *x);
                        }
                    },
                )
            });
            println!("{:9} {:6.3} ns a number", stringify!($f), t / 4096.0);
        )*};
    }
    each!(exp tanh sigmoid ln erf softplus sin cos sqrt floor);
    let t = time(|| {
        let x = black_box(&*x);
        black_box(s.vectorize(
            #[inline(always)]
            || sum(x),
        ));
    });
    println!("{:9} {:6.3} ns a number", "sum", t / 4096.0);
    let t = time(|| {
        let x = black_box(&*x);
        black_box(s.vectorize(
            #[inline(always)]
            || max(x),
        ));
    });
    println!("{:9} {:6.3} ns a number", "max", t / 4096.0);
    let t = time(|| {
        let x = black_box(&*x);
        black_box(s.vectorize(
            #[inline(always)]
            || lse(s, x),
        ));
    });
    println!("{:9} {:6.3} ns a number", "lse", t / 4096.0);
    let t = time(|| {
        for (i, y) in y.iter_mut().enumerate() {
            *y = normal(1, 0, 0, i as u64) as f32;
        }
    });
    println!("{:9} {:6.3} ns a number", "normal", t / 4096.0);
}

fn all<S: Isa>(s: S, what: &str) {
    if what != "functions" {
        products(s);
    }
    if what != "products" {
        functions(s);
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|w| !w.starts_with('-')).collect();
    let word = |i: usize| words.get(i).map_or("", String::as_str);
    limit(match word(1) {
        "portable" => 1,
        "avx2" => 2,
        _ => 3,
    });
    println!("{}", level_name());
    dispatch!(all, word(0));
}
