// case: dynamic slice of everything
func.func public @main(%x: tensor<4xf32>, %i: tensor<i32>) -> tensor<4xf32> {
  %0 = stablehlo.dynamic_slice %x, %i, sizes = [4] : (tensor<4xf32>, tensor<i32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
// becomes
module {
  func.func public @main(%arg0: tensor<4xf32>, %arg1: tensor<i32>) -> tensor<4xf32> {
    return %arg0 : tensor<4xf32>
  }
}

// case: dynamic slice, known start
func.func public @main(%x: tensor<4x5xf32>) -> tensor<2x3xf32> {
  %c = stablehlo.constant dense<1> : tensor<i32>
  %far = stablehlo.constant dense<9> : tensor<i32>
  %0 = stablehlo.dynamic_slice %x, %c, %far, sizes = [2, 3] : (tensor<4x5xf32>, tensor<i32>, tensor<i32>) -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}
// becomes
module {
  func.func public @main(%arg0: tensor<4x5xf32>) -> tensor<2x3xf32> {
    %0 = stablehlo.slice %arg0 [1:3, 2:5] : (tensor<4x5xf32>) -> tensor<2x3xf32>
    return %0 : tensor<2x3xf32>
  }
}

// case: update of everything
func.func public @main(%x: tensor<4xf32>, %y: tensor<4xf32>, %i: tensor<i32>) -> tensor<4xf32> {
  %0 = stablehlo.dynamic_update_slice %x, %y, %i : (tensor<4xf32>, tensor<4xf32>, tensor<i32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
// becomes
module {
  func.func public @main(%arg0: tensor<4xf32>, %arg1: tensor<4xf32>, %arg2: tensor<i32>) -> tensor<4xf32> {
    return %arg1 : tensor<4xf32>
  }
}

// case: update of nothing
func.func public @main(%x: tensor<4xf32>, %y: tensor<0xf32>, %i: tensor<i32>) -> tensor<4xf32> {
  %0 = stablehlo.dynamic_update_slice %x, %y, %i : (tensor<4xf32>, tensor<0xf32>, tensor<i32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
// becomes
module {
  func.func public @main(%arg0: tensor<4xf32>, %arg1: tensor<0xf32>, %arg2: tensor<i32>) -> tensor<4xf32> {
    return %arg0 : tensor<4xf32>
  }
}

// case: gather of one slice
func.func public @main(%x: tensor<4x5xf32>) -> tensor<5xf32> {
  %c = stablehlo.constant dense<2> : tensor<1xi32>
  %0 = "stablehlo.gather"(%x, %c) <{dimension_numbers = #stablehlo.gather<offset_dims = [0], collapsed_slice_dims = [0], start_index_map = [0]>, indices_are_sorted = false, slice_sizes = array<i64: 1, 5>}> : (tensor<4x5xf32>, tensor<1xi32>) -> tensor<5xf32>
  return %0 : tensor<5xf32>
}
// becomes
module {
  func.func public @main(%arg0: tensor<4x5xf32>) -> tensor<5xf32> {
    %0 = stablehlo.slice %arg0 [2:3, 0:5] : (tensor<4x5xf32>) -> tensor<1x5xf32>
    %1 = stablehlo.reshape %0 : (tensor<1x5xf32>) -> tensor<5xf32>
    return %1 : tensor<5xf32>
  }
}

// case: scatter of nothing
func.func public @main(%x: tensor<4xf32>, %i: tensor<0x1xi32>, %u: tensor<0xf32>) -> tensor<4xf32> {
  %0 = "stablehlo.scatter"(%x, %i, %u) <{indices_are_sorted = false, scatter_dimension_numbers = #stablehlo.scatter<inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>, unique_indices = false}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %s = stablehlo.add %a, %b : tensor<f32>
    stablehlo.return %s : tensor<f32>
  }) : (tensor<4xf32>, tensor<0x1xi32>, tensor<0xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
// becomes
module {
  func.func public @main(%arg0: tensor<4xf32>, %arg1: tensor<0x1xi32>, %arg2: tensor<0xf32>) -> tensor<4xf32> {
    return %arg0 : tensor<4xf32>
  }
}

// case: sort of one
func.func public @main(%x: tensor<3x1xf32>) -> tensor<3x1xf32> {
  %0 = "stablehlo.sort"(%x) <{dimension = 1 : i64, is_stable = true}> ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %s = stablehlo.compare LT, %a, %b : (tensor<f32>, tensor<f32>) -> tensor<i1>
    stablehlo.return %s : tensor<i1>
  }) : (tensor<3x1xf32>) -> tensor<3x1xf32>
  return %0 : tensor<3x1xf32>
}
// becomes
module {
  func.func public @main(%arg0: tensor<3x1xf32>) -> tensor<3x1xf32> {
    return %arg0 : tensor<3x1xf32>
  }
}

// case: reduce of nothing
func.func public @main(%x: tensor<0x3xf32>, %i: tensor<f32>) -> tensor<3xf32> {
  %0 = stablehlo.reduce(%x init: %i) applies stablehlo.add across dimensions = [0] : (tensor<0x3xf32>, tensor<f32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}
// becomes
module {
  func.func public @main(%arg0: tensor<0x3xf32>, %arg1: tensor<f32>) -> tensor<3xf32> {
    %0 = stablehlo.broadcast_in_dim %arg1, dims = [] : (tensor<f32>) -> tensor<3xf32>
    return %0 : tensor<3xf32>
  }
}

// case: pad of nothing
func.func public @main(%x: tensor<0xf32>, %v: tensor<f32>) -> tensor<3xf32> {
  %0 = stablehlo.pad %x, %v, low = [1], high = [2], interior = [0] : (tensor<0xf32>, tensor<f32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}
// becomes
module {
  func.func public @main(%arg0: tensor<0xf32>, %arg1: tensor<f32>) -> tensor<3xf32> {
    %0 = stablehlo.broadcast_in_dim %arg1, dims = [] : (tensor<f32>) -> tensor<3xf32>
    return %0 : tensor<3xf32>
  }
}

// case: pieces of nothing
func.func public @main(%x: tensor<2xf32>, %n: tensor<0xf32>, %y: tensor<3xf32>) -> tensor<5xf32> {
  %0 = stablehlo.concatenate %x, %n, %y, dim = 0 : (tensor<2xf32>, tensor<0xf32>, tensor<3xf32>) -> tensor<5xf32>
  return %0 : tensor<5xf32>
}
// becomes
module {
  func.func public @main(%arg0: tensor<2xf32>, %arg1: tensor<0xf32>, %arg2: tensor<3xf32>) -> tensor<5xf32> {
    %0 = stablehlo.concatenate %arg0, %arg2, dim = 0 : (tensor<2xf32>, tensor<3xf32>) -> tensor<5xf32>
    return %0 : tensor<5xf32>
  }
}

// case: count to one
func.func public @main() -> tensor<3x1xi32> {
  %0 = stablehlo.iota dim = 1 : tensor<3x1xi32>
  return %0 : tensor<3x1xi32>
}
// becomes
module {
  func.func public @main() -> tensor<3x1xi32> {
    %c = stablehlo.constant dense<0> : tensor<3x1xi32>
    return %c : tensor<3x1xi32>
  }
}

// case: empty result
func.func public @main(%x: tensor<4x0xf32>) -> tensor<0x4xf32> {
  %0 = stablehlo.transpose %x, dims = [1, 0] : (tensor<4x0xf32>) -> tensor<0x4xf32>
  return %0 : tensor<0x4xf32>
}
// becomes
module {
  func.func public @main(%arg0: tensor<4x0xf32>) -> tensor<0x4xf32> {
    %cst = stablehlo.constant dense<> : tensor<0x4xf32>
    return %cst : tensor<0x4xf32>
  }
}

