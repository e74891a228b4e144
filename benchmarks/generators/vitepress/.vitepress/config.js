import { defineConfig } from 'vitepress';

export default defineConfig({
  title: 'Orchard',
  description: 'Keeping fruit trees',
  head: [['link', { rel: 'icon', href: '/tree.svg' }]],
  themeConfig: {
    logo: '/tree.svg',
    search: { provider: 'local' },
    nav: [
      { text: 'Guide', link: '/guide/start' },
      { text: 'Trees', link: '/trees/apple' },
    ],
    sidebar: [
      {
        text: 'Guide',
        items: [
          { text: 'Start', link: '/guide/start' },
          { text: 'Soil', link: '/guide/soil' },
          { text: 'Pruning', link: '/guide/pruning' },
          { text: 'Grafting', link: '/guide/grafting' },
          { text: 'Calendar', link: '/guide/calendar' },
        ],
      },
      {
        text: 'Trees',
        items: [
          { text: 'Apple', link: '/trees/apple' },
          { text: 'Pear', link: '/trees/pear' },
          { text: 'Quince', link: '/trees/quince' },
          { text: 'Medlar', link: '/trees/medlar' },
        ],
      },
    ],
    footer: { message: 'Built with VitePress.' },
  },
});
