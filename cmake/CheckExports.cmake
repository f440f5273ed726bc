# cmake -D NM=<nm> -D LIBRARY=<shared library> -D FUNCTION=<name> [-D ALSO=<pattern>] -P CheckExports.cmake
# Fails unless the library exports the function and nothing else, but for names that match the pattern.
execute_process(COMMAND ${NM} --dynamic --defined-only --format=posix ${LIBRARY} OUTPUT_VARIABLE symbols
                COMMAND_ERROR_IS_FATAL ANY)
string(REGEX REPLACE "[ @][^\n]*\n" ";" exported "${symbols}")
list(REMOVE_ITEM exported "")
if(ALSO)
  list(FILTER exported EXCLUDE REGEX "${ALSO}")
endif()
if(NOT exported STREQUAL FUNCTION)
  message(FATAL_ERROR "${LIBRARY} exports: ${exported}")
endif()
