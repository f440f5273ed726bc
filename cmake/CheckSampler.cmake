# cmake -D CUOBJDUMP=<cuobjdump> -D LIBRARY=<shared library> -P CheckSampler.cmake
# Fails unless the machine code of the sampler, of embed and of rms_norm has what their speed depends on: no loops of
# compare-and-swap on shared memory, and loads that are all issued before the first result is used.
cmake_minimum_required(VERSION 3.25)
set(problems "")

execute_process(COMMAND ${CUOBJDUMP} --dump-resource-usage ${LIBRARY} OUTPUT_VARIABLE usage COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "Function [A-Za-z0-9_]+" functions "${usage}")
list(REMOVE_DUPLICATES functions)

# The machine code of the kernels whose mangled names match, a list: one for each kernel and architecture.
function(code_of result kernel)
  set(names ${functions})
  list(FILTER names INCLUDE REGEX "[0-9]${kernel}")
  list(TRANSFORM names REPLACE "Function " "")
  list(JOIN names "," names)
  if(names STREQUAL "")
    message(FATAL_ERROR "${LIBRARY} has no ${kernel}")
  endif()
  execute_process(COMMAND ${CUOBJDUMP} -sass -fun ${names} ${LIBRARY} OUTPUT_VARIABLE code COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX REPLACE "[][;]" "" code "${code}") # which lists of CMake read otherwise
  string(REPLACE "Function : " ";" code "${code}")
  list(POP_FRONT code)
  list(LENGTH code count)
  message(STATUS "${kernel}: ${count} functions")
  set(${result} "${code}" PARENT_SCOPE)
endfunction()

# ATOMS.CAST.SPIN is what a 64-bit atomicAdd to shared memory is made of.
function(expect_no_loops_of_atomics kernel)
  code_of(code ${kernel})
  foreach(function IN LISTS code)
    if(function MATCHES "ATOMS\\.CAS")
      string(REGEX MATCH "^[A-Za-z0-9_]+" name "${function}")
      set(problems "${problems}${name} has a compare-and-swap on shared memory\n" PARENT_SCOPE)
    endif()
  endforeach()
endfunction()

# Of the instructions LDG and `then`, in the order of the code, at least `count` LDG come first.
function(expect_loads_ahead kernel count then)
  code_of(code ${kernel})
  foreach(function IN LISTS code)
    string(REGEX MATCH "^[A-Za-z0-9_]+" name "${function}")
    string(REGEX MATCHALL "[ \t](LDG|${then})[ .]" instructions "${function}")
    set(ahead 0)
    foreach(instruction IN LISTS instructions)
      if(NOT instruction MATCHES "LDG")
        break()
      endif()
      math(EXPR ahead "${ahead} + 1")
    endforeach()
    if(ahead LESS count)
      set(problems "${problems}${name} has ${ahead} loads before the first ${then}, not ${count}\n")
    endif()
  endforeach()
  set(problems "${problems}" PARENT_SCOPE)
endfunction()

expect_no_loops_of_atomics("(sample_basic|sample_strategy|log_probs|probe|score|logit_tiles|logit_sums)_kernel")
expect_loads_ahead("embed_kernelINS0_4Bf16ES3_" 10 FMUL)
expect_loads_ahead("rms_norm_kernelINS0_4Bf16ELb1E" 24 FADD)

if(problems)
  message(FATAL_ERROR "${problems}")
endif()
