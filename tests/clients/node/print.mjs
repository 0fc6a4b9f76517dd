/** Print one thing that a program shows, as a line of JSON. */
export const print = (line) => console.log(JSON.stringify(line));

/** Return what a program can tell of an error. */
export const described = (error) => ({
  class: error.constructor.name,
  name: error.name,
  message: error.message,
  status: error.status ?? error.statusCode ?? null,
  type: error.type ?? null,
  causes: causes(error),
});

const causes = (error) => (error?.cause ? [error.cause.code ?? error.cause.message, ...causes(error.cause)] : []);
