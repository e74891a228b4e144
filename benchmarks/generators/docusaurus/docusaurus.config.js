// The classic template's configuration, without what changes from day to day, with a search that needs no server.
import template from './template.config.js';

export default {
  ...template,
  url: 'https://docs.example.org',
  onBrokenLinks: 'warn',
  future: {}, // what it turns on needs @docusaurus/faster, whose lock npm can't read again
  themes: [['@easyops-cn/docusaurus-search-local', { hashed: true }]],
  themeConfig: {
    ...template.themeConfig,
    footer: { ...template.themeConfig.footer, copyright: 'Built with Docusaurus.' },
  },
};
