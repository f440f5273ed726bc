# cmake -D CUOBJDUMP=<cuobjdump> -D LIBRARY=<shared library> -P CheckMachineCode.cmake
# Fails unless the machine code of kernels, for sm_80 and sm_90, has what their speed depends on: the next operands are
# asked for before those that are there are used, and sums in shared memory are no loops of compare-and-swap.
# The expectations are at the end.
cmake_minimum_required(VERSION 3.25)
set(problems "")

execute_process(COMMAND ${CUOBJDUMP} --dump-resource-usage ${LIBRARY} OUTPUT_VARIABLE usage COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "Function [A-Za-z0-9_]+" all_functions "${usage}")
list(REMOVE_DUPLICATES all_functions)
list(TRANSFORM all_functions REPLACE "Function " "")

# code: the machine code of all functions whose mangled names begin with `kernel`, a regular expression, after the digits
# of its length: a list, one for each function and architecture, each beginning with the name.
function(code_of code kernel)
  set(names ${all_functions})
  list(FILTER names INCLUDE REGEX "[0-9]${kernel}")
  if(NOT names)
    message(FATAL_ERROR "${LIBRARY} has no ${kernel}")
  endif()
  list(LENGTH names expected)
  list(JOIN names "," names)
  set(all "")
  foreach(architecture IN ITEMS sm_80 sm_90)
    # Quiet: it warns of every file of the library that lacks a function.
    execute_process(COMMAND ${CUOBJDUMP} -sass -arch ${architecture} -fun ${names} ${LIBRARY} OUTPUT_VARIABLE found ERROR_QUIET
                    COMMAND_ERROR_IS_FATAL ANY)
    string(REGEX REPLACE "[][;]" "" found "${found}") # which lists of CMake read otherwise
    string(REPLACE "Function : " ";" found "${found}")
    list(POP_FRONT found)
    list(LENGTH found count)
    if(NOT count EQUAL expected)
      message(FATAL_ERROR "${LIBRARY} has ${count} functions ${kernel} for ${architecture}, not ${expected}")
    endif()
    list(TRANSFORM found PREPEND "${architecture} ")
    list(APPEND all ${found})
  endforeach()
  message(STATUS "${kernel}: ${expected} functions")
  set(${code} "${all}" PARENT_SCOPE)
endfunction()

macro(add_problem function text)
  string(REGEX MATCH "^(sm_[0-9]+) ([A-Za-z0-9_]+)" name "${function}")
  string(APPEND problems "${name} ${text}\n")
  set(problems "${problems}" PARENT_SCOPE)
endmacro()

# Of copies to shared memory (C), waits for all copies but the last groups (W) or for all (N), and products (P), in the
# order of the addresses, the letters match.
function(expect_letters kernel pattern)
  code_of(code ${kernel})
  foreach(function IN LISTS code)
    string(REGEX MATCHALL "LDGSTS|[HI]MMA|DEPBAR\\.LE SB0, 0x[0-9]" letters "${function}")
    string(REPLACE ";" "" letters "${letters}")
    string(REPLACE "LDGSTS" "C" letters "${letters}")
    string(REGEX REPLACE "[HI]MMA" "P" letters "${letters}")
    string(REPLACE "DEPBAR.LE SB0, 0x0" "N" letters "${letters}")
    string(REGEX REPLACE "DEPBAR.LE SB0, 0x[1-9]" "W" letters "${letters}")
    if(NOT letters MATCHES "${pattern}")
      add_problem("${function}" "has ${letters}, expected ${pattern}")
    endif()
  endforeach()
endfunction()

# At least `count` loads come before the first `then`, in the order of the addresses.
function(expect_loads_ahead kernel count then)
  code_of(code ${kernel})
  foreach(function IN LISTS code)
    string(REGEX MATCHALL "[ \t](LDG|${then})[ .]" instructions "${function}")
    set(ahead 0)
    foreach(instruction IN LISTS instructions)
      if(NOT instruction MATCHES "LDG")
        break()
      endif()
      math(EXPR ahead "${ahead} + 1")
    endforeach()
    if(ahead LESS count)
      add_problem("${function}" "has ${ahead} loads before the first ${then}, not ${count}")
    endif()
  endforeach()
endfunction()

# A 64-bit atomicAdd to shared memory is a loop of ATOMS.CAST.SPIN, or of ATOMS.CAS.
function(expect_no_loops_of_atomics kernel)
  code_of(code ${kernel})
  foreach(function IN LISTS code)
    if(function MATCHES "ATOMS\\.CAS")
      add_problem("${function}" "has a compare-and-swap on shared memory")
    endif()
  endforeach()
endfunction()

# Matmuls: both where a part ends within a stage and elsewhere, copies of a stage to come start before the last products of
# the one that has arrived.
expect_letters("linear_kernelI.*Bf16.*WeightFormatE[01]E" "^C+WC+P+C+P")
# Stages of 8-bit floats are of one part.
expect_letters("linear_kernelI.*Bf16.*WeightFormatE2E" "^C+WP+C+P")
# For few rows: in the loop, copies come before products.
expect_letters("few_rows_kernelI.*Bf16" "^C+WC+P+$")
# Attention: keys of the next split are copied before the values of this one are multiplied, values before the next
# scores.
expect_letters(attention_mma_kernel "^(C+WP[PC]*C+WP[PC]*C+)+$")
expect_no_loops_of_atomics("(sample|log_probs|probe|score|logit_tiles|logit_sums)_kernel")
expect_loads_ahead("embed_kernelINS0_4Bf16ES3_" 10 FMUL)
expect_loads_ahead("rms_norm_kernelINS0_4Bf16ELb1E" 8 FADD)

if(problems)
  message(FATAL_ERROR "${problems}")
endif()
