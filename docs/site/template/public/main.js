// A block of code without a language is output: its words are no keywords of any.
export default {
  configureHljs: hljs => hljs.configure({ languages: [] }),
};
