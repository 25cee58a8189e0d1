/** Address of a file that the build copies. */
declare module '*?url' {
  const address: string;
  // biome-ignore lint/style/noDefaultExport: that is how the bundler gives it
  export default address;
}
