/// Uses everything once, and writes what comes out; returns how many numbers.
pub fn run<S: Isa>(s: S, workspace: &mut [Lane], out: &mut [f32]) -> usize {
    let (mut workspace, mut out, mut written) = (workspace, out, 0);
    let x: &mut [[f32; 5]] = scratch(&mut workspace, 7);
    for (i, x) in flat_mut(x).iter_mut().enumerate() {
        *x = f32::from_f64(normal(1, 2, 3, i as u64));
    }
    let w: &mut [[f32; 3]; 5] = array_mut(&mut Lane::flat_mut(take(&mut workspace, lanes::<f32>(15)))[..15]);
    for (i, w) in flat_mut(&mut w[..]).iter_mut().enumerate() {
        *w = f32::from_f64(uniform(1 << 40, 2, 3, i as u64) - 0.5);
    }
    draw_normal(5, 2, 1, 0, 5, |i, number| x[6][i] = f32::from_f64(number));
    draw_uniform(5, 2, 1, 0, 5, |i, number| x[5][i] = f32::from_f64(number));
    let mut turn = [0.0_f32; 6];
    orthogonal(5, 1, 0, 3, 2, &mut turn, f32::from_f64);
    x[4].copy_from_slice(&turn[1..]);
    let lines = take(&mut workspace, panel::<f32>(7));
    let y: &mut [[f32; 3]] = scratch(&mut workspace, 7);
    let z: &mut [[f32; 5]] = scratch(&mut workspace, 7);
    let b = [0.5_f32, -0.25, 0.125];
    nn(
        s,
        &*x,
        &*w,
        &mut *y,
        #[inline(always)]
        |z, at| (z + at.col(&b)).relu(),
    );
    nn_add(s, &*x, &*w, &mut *y);
    nt(
        s,
        &*y,
        &*w,
        &mut *z,
        lines,
        #[inline(always)]
        |z, at| {
            let (x, one) = (at.of(&*x), s.splat(1.0_f32));
            let a = x.if_gt(one, z, -z).max(x.min(z)) - x.mul_add(z, one) / (z.abs() + one).sqrt();
            let b = x.if_ge(z, x, z) + x.if_lt(z, x, z) * x.if_le(z, one, z) + x.if_eq(z, one, z) - x.if_ne(z, one, z);
            a + b
        },
    );
    nt_add(s, &*y, &*w, &mut *z, lines);
    let mut d = [[0.0_f32; 3]; 5];
    tn(s, &*z, &*y, &mut d);
    add_tn(s, &*x, &*y, &mut d);
    tn_rows(s, &*z, &*y, &mut d[1..3], 2);
    let (mut any, mut wide) = ([0.0_f32; 9], [0.0_f32; 21]);
    nn(
        s,
        Dyn::new(&flat(z)[..15], 5).cols(1, 3),
        Dyn::new(&flat(&d)[..9], 3).cols(0, 3),
        DynMut::new(&mut any, 3),
        #[inline(always)]
        |z, at| z * s.splat(at.row() as f32),
    );
    nn_wide(
        s,
        cols::<3, 5, _>(z, 2),
        rows::<f32, [f32; 3]>(&any),
        cols_mut::<3, 3, _>(rows_mut(&mut wide[..]), 0),
        lines,
        #[inline(always)]
        |z, _| z,
    );
    let mut turned = [[0.0_f32; 5]; 3];
    transpose(s, &d, &mut turned);
    let mut total = [1.0_f32; 5];
    add_sum_rows(s, &*z, &mut total);
    let mut put = |x: f32| {
        let (head, tail) = core::mem::take(&mut out).split_at_mut(1);
        head[0] = x;
        out = tail;
        written += 1;
    };
    for x in flat(&turned) {
        put(*x);
    }
    sum_rows(s, &*x, &mut turned[0]);
    for &x in flat(&turned[..1]).iter().chain(&any).chain(&wide).chain(&total).chain(flat(x)).chain(flat(z)) {
        put(x);
        s.vectorize(
            #[inline(always)]
            || {
                put(exp(s, x));
                put(ln(s, x));
                put(tanh(s, x));
                put(sigmoid(s, x));
                put(softplus(s, x));
                put(erf(s, x));
                put(sin(s, 1e4 * x));
                put(cos(s, x));
                put(sqrt(s, x));
                put(s.sqrt(abs(s, x)));
                put(s.mul_add(x, x, x));
                put(floor(s, x));
                put(powi(s, x, -3));
                put(maximum(s, x, 0.5));
                put(minimum(s, x, 0.5));
            },
        );
    }
    put(sum(flat(x)));
    put(max(flat(x)));
    put(dot(flat(x), flat(z)));
    put(lse(s, flat(z)));
    let x = s.load(flat(z));
    let mut stored = [0.0; 16];
    x.store(&mut stored);
    put(stored[0]);
    put(if check_length("x", 1, 1).is_ok() && check_index("t", &[1_i32], 0, 2).is_ok() { f32::ONE } else { f32::ZERO });
    put(match check_probability("p", &[2.0_f32]).and(check_size("n", 0, 1)) {
        Err(Error::Probability { value, .. }) => value as f32,
        _ => f32::NAN,
    });
    written
}
