//! Views, workspaces, checks and their messages.

use nnc_kernels::*;

#[test]
fn views_keep_order_and_place() {
    let mut x: Vec<f32> = (0..24).map(|i| i as f32).collect();
    let address = x.as_ptr() as usize;
    let y: &[[[f32; 3]; 2]] = rows(&x);
    assert_eq!((y.len(), y[3][1][2], y.as_ptr() as usize), (4, 23.0, address));
    assert_eq!(flat(y), &x[..]);
    let z: &[[[f32; 3]; 2]; 4] = array(&x);
    assert_eq!(z[1][0][1], 7.0);
    assert_eq!(rows::<f32, f32>(&x), &x[..]);
    rows_mut::<f32, [f32; 6]>(&mut x)[1][2] = -1.0;
    array_mut::<f32, [[f32; 4]; 6]>(&mut x)[0][0] = -2.0;
    flat_mut(rows_mut::<f32, [f32; 12]>(&mut x))[23] = -3.0;
    assert_eq!((x[0], x[8], x[23]), (-2.0, -1.0, -3.0));
    assert_eq!(rows::<f32, [f32; 5]>(&[]).len(), 0);
    assert_eq!(rows::<i64, [i64; 2]>(&[1, 2, 3, 4]), &[[1, 2], [3, 4]]);
}

#[test]
#[should_panic(expected = "a slice of 7 numbers is no whole number of rows of 3")]
fn rows_are_whole() {
    rows::<f32, [f32; 3]>(&[0.0; 7]);
}

#[test]
#[should_panic(expected = "a slice of 7 numbers is no array of 6")]
fn arrays_are_whole() {
    array::<f64, [[f64; 3]; 2]>(&[0.0; 7]);
}

#[test]
#[should_panic(expected = "shapes disagree")]
fn run_time_shapes_are_checked() {
    nn(Portable, Dyn::new(&[0.0f32; 6], 3), Dyn::new(&[0.0; 8], 4), DynMut::new(&mut [0.0; 8], 4), |z, _| z);
}

#[test]
fn workspaces_are_cut_on_cache_lines() {
    let mut lines = vec![Lane::ZERO; 10];
    let mut workspace = &mut lines[..];
    let a: &mut [[f32; 5]] = scratch(&mut workspace, 4);
    a[3][4] = 1.0;
    let b: &mut [[f64; 3]] = scratch(&mut workspace, 3);
    b[2][2] = 2.0;
    assert_eq!((a.as_ptr() as usize % 64, b.as_ptr() as usize % 64, workspace.len()), (0, 0, 10 - lanes::<f32>(20) - lanes::<f64>(9)));
    assert_eq!(take(&mut workspace, 5).len(), 5);
    assert_eq!(workspace.len(), 1);
    assert_eq!((Lane::flat::<f32>(&lines)[19], Lane::flat::<f64>(&lines)[16 + 8]), (1.0, 2.0));
    assert_eq!((Lane::flat::<f32>(&lines).len(), Lane::flat_mut::<f64>(&mut lines).len()), (160, 80));
    let mut x = &[1, 2, 3][..];
    assert_eq!((take(&mut x, 2), x), (&[1, 2][..], &[3][..]));
}

#[test]
fn checks_name_what_is_wrong() {
    let says = |r: Result<(), Error>| r.map_err(|e| e.to_string()).unwrap_err();
    assert_eq!(check_length("x", 8, 8), Ok(()));
    assert_eq!(says(check_length("x", 8, 7)), "`x` should have 8 numbers, but has 7");
    assert_eq!(check_index("t", &[0u32, 9], 0, 10), Ok(()));
    assert_eq!(says(check_index("t", &[0i64, 3, 10, -1], 0, 10)), "`t` should hold indices from 0 to 9, but number 2 is 10");
    assert_eq!(says(check_index("t", &[-2i32], -1, 10)), "`t` should hold indices from -1 to 9, but number 0 is -2");
    assert_eq!(check_probability("p", &[0.0f32, 1.0, 0.5]), Ok(()));
    assert_eq!(says(check_probability("p", &[0.5f64, -0.5])), "`p` should hold probabilities from 0 to 1, but number 1 is -0.5");
    assert_eq!(says(check_probability("p", &[f32::NAN])), "`p` should hold probabilities from 0 to 1, but number 0 is NaN");
    assert_eq!((check_size("T", 0, 1), check_size("T", 5, 5)), (Ok(()), Ok(())));
    assert_eq!(says(check_size("T", 0, 0)), "the size `T` should be at least 1, but is 0");
    assert_eq!(says(check_size("T", 5, 4)), "the size `T` should be 5, but is 4");
    let _: &dyn std::error::Error = &Error::Size { name: "T", expected: 1, found: 2 };
}

#[test]
fn levels() {
    assert!(["AVX-512", "AVX2", "portable"].contains(&level_name()));
}
