# cmake -D SOURCE=<folder> -D BUILD=<folder> -D BUILD_TYPE=<type> -D TARGET=<target> -P BuildLocked.cmake
#
# Configures and builds under a lock, because two MSBuild processes may want the same folder at the same moment and
# CMake's configure step does not survive that. On failure, <BUILD>/native-build.log holds what the tools printed and
# <BUILD>/native-build.errors what of it the managed build should say: nothing where a compiler named a file and a line,
# which MSBuild reads from the output by itself.
cmake_minimum_required(VERSION 3.25)

file(MAKE_DIRECTORY ${BUILD})
# Beside the folder: cleaning removes the folder itself.
file(LOCK ${BUILD}.lock GUARD PROCESS)

function(fail errors)
  file(WRITE ${BUILD}/native-build.log "${log}")
  file(WRITE ${BUILD}/native-build.errors "${errors}")
  message(FATAL_ERROR "The native build failed")
endfunction()

# The lines of the log that match, at most ten, as one line.
function(matching_lines pattern result)
  string(REGEX MATCHALL "[^\n]*(${pattern})[^\n]*" lines "${log}")
  list(SUBLIST lines 0 10 lines)
  string(REPLACE ";" " | " lines "${lines}")
  set(${result} "${lines}" PARENT_SCOPE)
endfunction()

macro(configure)
  set(generator "")
  find_program(ninja NAMES ninja ninja-build NO_CACHE)
  if(ninja AND NOT EXISTS ${BUILD}/CMakeCache.txt)
    set(generator -G Ninja)
  endif()
  execute_process(COMMAND ${CMAKE_COMMAND} -S ${SOURCE} -B ${BUILD} ${generator} -D CMAKE_BUILD_TYPE=${BUILD_TYPE}
                  RESULT_VARIABLE result OUTPUT_VARIABLE log ERROR_VARIABLE log)
endmacro()

macro(forget_configuration)
  file(REMOVE_RECURSE ${BUILD}/CMakeCache.txt ${BUILD}/CMakeFiles)
endmacro()

if(EXISTS ${BUILD}/CMakeCache.txt)
  configure()
  if(result)
    # The cache may remember a compiler, a generator or a source folder that is no more.
    forget_configuration()
    configure()
  endif()
else()
  configure()
endif()
if(result)
  forget_configuration()
  if(log MATCHES "CMAKE_MAKE_PROGRAM is not set|unable to find a build program")
    fail("No build tool was found: the native build needs Ninja or make.")
  elseif(log MATCHES "No CMAKE_CX*_COMPILER could be found|could not find any instance of Visual Studio")
    fail("No C++ compiler was found: the native build needs one for C11 and C++20.")
  endif()
  string(REGEX REPLACE "^.*(CMake Error)" "\\1" errors "${log}")
  string(REGEX REPLACE "[ \n]+" " " errors "${errors}")
  fail("${errors}")
endif()

cmake_host_system_information(RESULT cores QUERY NUMBER_OF_LOGICAL_CORES)
execute_process(COMMAND ${CMAKE_COMMAND} --build ${BUILD} --config ${BUILD_TYPE} --target ${TARGET} --parallel ${cores}
                RESULT_VARIABLE result OUTPUT_VARIABLE log ERROR_VARIABLE log
                ECHO_OUTPUT_VARIABLE ECHO_ERROR_VARIABLE)
if(result)
  set(errors "")
  if(NOT log MATCHES ":[0-9]+: (fatal )?error:|\\) ?: (fatal )?error C")
    matching_lines("undefined reference|multiple definition|cannot find|[Ee]rror" errors)
  endif()
  fail("${errors}")
endif()
