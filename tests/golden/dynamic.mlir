// case: size that is known
func.func public @main(%x: tensor<4x5xf32>) -> tensor<i32> {
  %0 = stablehlo.get_dimension_size %x, dim = 1 : (tensor<4x5xf32>) -> tensor<i32>
  return %0 : tensor<i32>
}
// becomes
module {
  func.func public @main(%arg0: tensor<4x5xf32>) -> tensor<i32> {
    %c = stablehlo.constant dense<5> : tensor<i32>
    return %c : tensor<i32>
  }
}

// case: reshape to known sizes
func.func public @main(%x: tensor<4x5xf32>) -> tensor<2x10xf32> {
  %c = stablehlo.constant dense<[2, 10]> : tensor<2xi32>
  %0 = stablehlo.dynamic_reshape %x, %c : (tensor<4x5xf32>, tensor<2xi32>) -> tensor<2x10xf32>
  return %0 : tensor<2x10xf32>
}
// becomes
module {
  func.func public @main(%arg0: tensor<4x5xf32>) -> tensor<2x10xf32> {
    %0 = stablehlo.reshape %arg0 : (tensor<4x5xf32>) -> tensor<2x10xf32>
    return %0 : tensor<2x10xf32>
  }
}

// case: broadcast to known sizes
func.func public @main(%x: tensor<4xf32>) -> tensor<2x4xf32> {
  %c = stablehlo.constant dense<[2, 4]> : tensor<2xi32>
  %0 = stablehlo.dynamic_broadcast_in_dim %x, %c, dims = [1] : (tensor<4xf32>, tensor<2xi32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}
// becomes
module {
  func.func public @main(%arg0: tensor<4xf32>) -> tensor<2x4xf32> {
    %0 = stablehlo.broadcast_in_dim %arg0, dims = [1] : (tensor<4xf32>) -> tensor<2x4xf32>
    return %0 : tensor<2x4xf32>
  }
}

// case: iota of known sizes
func.func public @main() -> tensor<40x40xf32> {
  %c = stablehlo.constant dense<[40, 40]> : tensor<2xi32>
  %0 = stablehlo.dynamic_iota %c, dim = 1 : (tensor<2xi32>) -> tensor<40x40xf32>
  return %0 : tensor<40x40xf32>
}
// becomes
module {
  func.func public @main() -> tensor<40x40xf32> {
    %0 = stablehlo.iota dim = 1 : tensor<40x40xf32>
    return %0 : tensor<40x40xf32>
  }
}

// case: slice by known numbers
func.func public @main(%x: tensor<6xf32>) -> tensor<2xf32> {
  %a = stablehlo.constant dense<1> : tensor<1xi32>
  %b = stablehlo.constant dense<5> : tensor<1xi32>
  %s = stablehlo.constant dense<2> : tensor<1xi32>
  %0 = stablehlo.real_dynamic_slice %x, %a, %b, %s : (tensor<6xf32>, tensor<1xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}
// becomes
module {
  func.func public @main(%arg0: tensor<6xf32>) -> tensor<2xf32> {
    %0 = stablehlo.slice %arg0 [1:5:2] : (tensor<6xf32>) -> tensor<2xf32>
    return %0 : tensor<2xf32>
  }
}

// case: pad by known numbers
func.func public @main(%x: tensor<2xf32>, %v: tensor<f32>) -> tensor<6xf32> {
  %a = stablehlo.constant dense<1> : tensor<1xi32>
  %b = stablehlo.constant dense<2> : tensor<1xi32>
  %0 = stablehlo.dynamic_pad %x, %v, %a, %b, %a : (tensor<2xf32>, tensor<f32>, tensor<1xi32>, tensor<1xi32>, tensor<1xi32>) -> tensor<6xf32>
  return %0 : tensor<6xf32>
}
// becomes
module {
  func.func public @main(%arg0: tensor<2xf32>, %arg1: tensor<f32>) -> tensor<6xf32> {
    %0 = stablehlo.pad %arg0, %arg1, low = [1], high = [2], interior = [1] : (tensor<2xf32>, tensor<f32>) -> tensor<6xf32>
    return %0 : tensor<6xf32>
  }
}

// case: gather by known numbers
func.func public @main(%x: tensor<4x5xf32>, %i: tensor<1xi32>) -> tensor<5xf32> {
  %s = stablehlo.constant dense<[1, 5]> : tensor<2xi32>
  %0 = "stablehlo.dynamic_gather"(%x, %i, %s) <{dimension_numbers = #stablehlo.gather<offset_dims = [0], collapsed_slice_dims = [0], start_index_map = [0]>, indices_are_sorted = false}> : (tensor<4x5xf32>, tensor<1xi32>, tensor<2xi32>) -> tensor<5xf32>
  return %0 : tensor<5xf32>
}
// becomes
module {
  func.func public @main(%arg0: tensor<4x5xf32>, %arg1: tensor<1xi32>) -> tensor<5xf32> {
    %0 = "stablehlo.gather"(%arg0, %arg1) <{dimension_numbers = #stablehlo.gather<offset_dims = [0], collapsed_slice_dims = [0], start_index_map = [0]>, indices_are_sorted = false, slice_sizes = array<i64: 1, 5>}> : (tensor<4x5xf32>, tensor<1xi32>) -> tensor<5xf32>
    return %0 : tensor<5xf32>
  }
}

// case: convolution, known padding
func.func public @main(%x: tensor<1x4x4x2xf32>, %k: tensor<3x3x2x5xf32>) -> tensor<1x4x4x5xf32> {
  %p = stablehlo.constant dense<1> : tensor<2x2xi32>
  %0 = "stablehlo.dynamic_conv"(%x, %k, %p) <{batch_group_count = 1 : i64, dimension_numbers = #stablehlo.conv<[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]>, feature_group_count = 1 : i64}> : (tensor<1x4x4x2xf32>, tensor<3x3x2x5xf32>, tensor<2x2xi32>) -> tensor<1x4x4x5xf32>
  return %0 : tensor<1x4x4x5xf32>
}
// becomes
module {
  func.func public @main(%arg0: tensor<1x4x4x2xf32>, %arg1: tensor<3x3x2x5xf32>) -> tensor<1x4x4x5xf32> {
    %0 = stablehlo.convolution(%arg0, %arg1) dim_numbers = [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f], window = {pad = [[1, 1], [1, 1]]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64} : (tensor<1x4x4x2xf32>, tensor<3x3x2x5xf32>) -> tensor<1x4x4x5xf32>
    return %0 : tensor<1x4x4x5xf32>
  }
}

