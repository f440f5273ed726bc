# cmake -D BUILD=<folder> -D TESTS=<program> -D CPU=<library> -D RACES=<library> -D FILTER=<of GoogleTest>
#       -P CheckRaces.cmake
# Fails if native tests find a race of the kernels. Builds the emulated device with the race detector first, which nothing
# else needs. SOFTTHINKING_TEST_RACES tells a test that it must see one.
cmake_minimum_required(VERSION 3.25)

execute_process(COMMAND ${CMAKE_COMMAND} --build ${BUILD} --target softthinking_simt_races COMMAND_ERROR_IS_FATAL ANY)
set(ENV{SOFTTHINKING_TEST_BACKENDS} "cpu=${CPU}|simt=${RACES}")
set(ENV{SOFTTHINKING_TEST_RACES} 1)
execute_process(COMMAND ${TESTS} --gtest_brief=1 --gtest_filter=${FILTER} COMMAND_ERROR_IS_FATAL ANY)
